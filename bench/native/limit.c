/* The limit: the least that any server can do for a fan-out, one send() for each socket of a room and each event.
 *
 * usage: limit            (prints its port)
 *
 * A client's handshake names its room in the path, /<number>; it is answered and never read again. Whoever says
 * "PUB\n" instead is told "OK\n" and publishes: a length and a room's number, four bytes each, the highest first, then the text.
 * No Socket.IO, no bounds, no order to keep, nothing that could be missed: only the system calls.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_ROOMS = 65536, MOST_FDS = 65536, READ_BYTES = 1 << 16 };

struct room { int *fds; int count, space; };

static struct room rooms[MOST_ROOMS];
static int epoll_fd, publisher = -1;
static int room_of[MOST_FDS];
static char entered[MOST_FDS];
static unsigned char kept[1 << 20];
static size_t kept_len;

static const char ANSWER[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: bm90IGNoZWNrZWQ=\r\n\r\n";

static void die(const char *why) {
    perror(why);
    exit(1);
}

static void enter(int fd, int number) {
    struct room *room = &rooms[number];
    if (room->count == room->space) {
        room->space = room->space ? room->space * 2 : 4;
        room->fds = realloc(room->fds, (size_t)room->space * sizeof(int));
        if (!room->fds) die("realloc");
    }
    room->fds[room->count++] = fd;
    room_of[fd] = number;
    entered[fd] = 1;
    struct epoll_event e = {.events = EPOLLRDHUP, .data.fd = fd}; /* what it says is of no interest, only that it goes */
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e) < 0) die("epoll_ctl");
}

static void leave(int fd) {
    entered[fd] = 0;
    struct room *room = &rooms[room_of[fd]];
    for (int i = 0; i < room->count; i++)
        if (room->fds[i] == fd) room->fds[i--] = room->fds[--room->count];
    close(fd);
}

static void fan_out(const unsigned char *text, size_t size, unsigned number) {
    static unsigned char frame[1 << 17];
    size_t head = 0;
    if (number >= MOST_ROOMS || size > sizeof frame - 16) return;
    frame[head++] = 0x81;
    if (size < 126) {
        frame[head++] = (unsigned char)size;
    } else {
        frame[head++] = 126;
        frame[head++] = (unsigned char)(size >> 8);
        frame[head++] = (unsigned char)size;
    }
    memcpy(frame + head, text, size);
    struct room *room = &rooms[number];
    for (int i = 0; i < room->count; i++)
        send(room->fds[i], frame, head + size, MSG_NOSIGNAL); /* who left is noticed by epoll */
}

static void published(void) {
    ssize_t got = recv(publisher, kept + kept_len, sizeof kept - kept_len, 0);
    if (got <= 0) {
        close(publisher);
        publisher = -1;
        kept_len = 0;
        return;
    }
    kept_len += (size_t)got;
    size_t done = 0;
    while (kept_len - done >= 8) {
        uint32_t size, number;
        memcpy(&size, kept + done, 4);
        memcpy(&number, kept + done + 4, 4);
        size = ntohl(size);
        if (kept_len - done < 8 + size) break;
        fan_out(kept + done + 8, size, ntohl(number));
        done += 8 + size;
    }
    memmove(kept, kept + done, kept_len - done);
    kept_len -= done;
}

static void first_words(int fd) {
    char said[READ_BYTES];
    ssize_t got = recv(fd, said, sizeof said - 1, 0);
    if (got <= 0) {
        close(fd);
        return;
    }
    said[got] = 0;
    if (!strncmp(said, "PUB\n", 4)) {
        publisher = fd;
        if (send(fd, "OK\n", 3, MSG_NOSIGNAL) < 0) publisher = -1;
        return;
    }
    int number = strncmp(said, "GET /", 5) ? 0 : atoi(said + 5);
    if (number < 0 || number >= MOST_ROOMS) number = 0;
    if (send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0) return;
    enter(fd, number);
}

static void watch(int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) die("epoll_ctl");
}

int main(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int door = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(door, (struct sockaddr *)&at, sizeof at) < 0 || listen(door, 1024) < 0) die("listen");
    getsockname(door, (struct sockaddr *)&at, &size);
    epoll_fd = epoll_create1(0);
    watch(door);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == door) {
                int one = accept4(door, NULL, NULL, SOCK_NONBLOCK);
                if (one < 0) continue;
                if (one >= MOST_FDS) {
                    close(one);
                    continue;
                }
                setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                watch(one);
            } else if (fd == publisher) {
                published();
            } else if (entered[fd]) {
                leave(fd);
            } else {
                first_words(fd);
            }
        }
    }
}

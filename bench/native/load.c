/* The load client: many WebSockets in one process, counting what arrives and how late.
 *
 * usage: load PORT < plan
 *
 * The plan, on standard input: a line "<sockets> <at once>", then a line a socket, its fields separated by tabs:
 *     path, event, ping, pong, await, send, await, send, ..., "||", await, send, ...
 * Each `send` goes out when a text frame has come that begins with the `await` before it (an empty one is not waited
 * for, an empty send is not sent). What stands behind "||" is said instead when the socket comes back. In it, %PID% and
 * %OFFSET% stand for what a Socket.IO server gave this socket: its private id, and the last cursor.
 * A text frame that begins with `event` is a delivery. One that is exactly `ping` is answered with `pong`. Where a
 * frame has several lines, each counts as one.
 *
 * The plan is answered by one line of JSON. Then orders, a line each, answered likewise, one at a time:
 *     connect          open all sockets, `at once` of them side by side, until each has said its last, or for 30 s
 *     begin            forget what was counted
 *     wait N MS        return when N deliveries have come since `begin`, or MS milliseconds have passed
 *     drop             close all sockets
 *     return           open them again, with what stands behind "||"; the time to the last delivery counts: see `wait`
 *     quit
 *
 * Latency is a delivery's arrival less the nanoseconds of CLOCK_MONOTONIC after `"sent":` in it. Counting costs a
 * system call a read, and a search in some 300 bytes: what it took of a core stands in every answer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AWAKE_NS = 100000, READ_BYTES = 1 << 18, BUCKET_US = 10, BUCKETS = 200000, ID_BYTES = 64 };
enum opcode { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum state { IDLE, OPENING, STEPPING, READY, LOST };

struct step { char *await, *send; };
struct dialogue { struct step *steps; int count, space; };

struct sock {
    int fd;
    enum state state;
    int step;
    char *path, *event, *ping, *pong;
    size_t event_len;
    struct dialogue first, again;
    const struct dialogue *says;
    char pid[ID_BYTES], cursor[ID_BYTES];
    char *kept;          /* a frame that is not whole yet */
    size_t kept_len, kept_room;
    uint64_t began_ns;
};

static struct sock *socks;
static int count, at_once, port, epoll_fd;
static int opened, ready, lost;
static uint64_t deliveries, bytes, began_ns, first_ns, last_ns;
static struct histogram { uint32_t counts[BUCKETS + 1], timed, longest_us; } latencies, connects;
static char *input;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void die(const char *why) {
    fprintf(stderr, "load: %s: %s\n", why, strerror(errno));
    exit(1);
}

static void count_us(struct histogram *h, uint64_t us) {
    uint64_t bucket = us / BUCKET_US;
    h->counts[bucket < BUCKETS ? bucket : BUCKETS]++;
    h->timed++;
    if (us > h->longest_us) h->longest_us = (uint32_t)us;
}

/* The upper end of the bucket in which so many per cent are reached; no later than the longest. */
static double percentile_ms(const struct histogram *h, double percent) {
    uint64_t want = (uint64_t)((double)h->timed * percent / 100.0 + 0.999999), seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += h->counts[i];
        if (want && seen >= want) {
            uint32_t end_us = (uint32_t)(i + 1) * BUCKET_US;
            return (end_us < h->longest_us ? end_us : h->longest_us) / 1000.0;
        }
    }
    return h->longest_us / 1000.0;
}

/* Plan */

static char *line(void) {
    static size_t room;
    ssize_t got = getline(&input, &room, stdin);
    if (got <= 0) exit(0);
    if (input[got - 1] == '\n') input[got - 1] = 0;
    return input;
}

static char *field(char **rest) {
    char *one = strsep(rest, "\t");
    return strdup(one ? one : "");
}

static void read_steps(struct dialogue *d, char **rest) {
    while (*rest) {
        char *await = field(rest);
        if (!strcmp(await, "||")) return;
        if (d->count == d->space) {
            d->space = d->space ? d->space * 2 : 4;
            d->steps = realloc(d->steps, (size_t)d->space * sizeof *d->steps);
            if (!d->steps) die("memory");
        }
        d->steps[d->count].await = await;
        d->steps[d->count++].send = field(rest);
    }
}

static void read_plan(void) {
    if (sscanf(line(), "%d %d", &count, &at_once) != 2) die("the plan begins with two numbers");
    socks = calloc((size_t)count, sizeof *socks);
    for (int i = 0; i < count; i++) {
        struct sock *s = &socks[i];
        char *rest = line();
        s->fd = -1;
        s->path = field(&rest);
        s->event = field(&rest);
        s->event_len = strlen(s->event);
        s->ping = field(&rest);
        s->pong = field(&rest);
        read_steps(&s->first, &rest);
        read_steps(&s->again, &rest);
    }
}

/* Sending */

static void put(struct sock *s, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(s->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = s->fd, .events = POLLOUT};
            if (poll(&p, 1, 5000) <= 0) return;
            continue;
        }
        if (sent < 0) return; /* the reader notices */
        data += sent;
        size -= (size_t)sent;
    }
}

static void put_frame(struct sock *s, int opcode, const char *text, size_t size) {
    char frame[8192];
    size_t head = 0;
    if (size > sizeof frame - 16) die("a message is too long");
    frame[head++] = (char)(0x80 | opcode);
    if (size < 126) {
        frame[head++] = (char)(0x80 | size);
    } else {
        frame[head++] = (char)(0x80 | 126);
        frame[head++] = (char)(size >> 8);
        frame[head++] = (char)size;
    }
    memset(frame + head, 0, 4); /* a mask of zero changes nothing, and is one */
    head += 4;
    memcpy(frame + head, text, size);
    put(s, frame, head + size);
}

static void put_text(struct sock *s, const char *text) { put_frame(s, TEXT, text, strlen(text)); }

static void put_filled_in(struct sock *s, const char *text) {
    char out[8192];
    size_t n = 0;
    while (*text && n < sizeof out - ID_BYTES) {
        const char *with = !strncmp(text, "%PID%", 5) ? s->pid : !strncmp(text, "%OFFSET%", 8) ? s->cursor : NULL;
        if (with) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%s", with);
            text += with == s->pid ? 5 : 8;
        } else {
            out[n++] = *text++;
        }
    }
    out[n] = 0;
    put_text(s, out);
}

/* Living */

static void open_next(void);

static void end(struct sock *s) {
    if (s->fd < 0) return;
    close(s->fd);
    s->fd = -1;
    s->kept_len = 0;
}

static void lose(struct sock *s) {
    end(s);
    if (s->state == LOST) return;
    if (s->state == READY) ready--;
    s->state = LOST;
    lost++;
    open_next();
}

static void open_one(struct sock *s, const struct dialogue *says) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s->fd < 0) die("socket");
    int yes = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    s->state = OPENING;
    s->step = 0;
    s->says = says;
    s->kept_len = 0;
    s->began_ns = now_ns();
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e) < 0) die("epoll_ctl");
    char request[2048];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y29tYW5kYS1iZW5jaC1rZQ==\r\n\r\n",
                     s->path, port);
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    poll(&p, 1, 5000);
    put(s, request, (size_t)n);
}

static int returning;

static void open_next(void) {
    while (opened < count && opened - ready - lost < at_once) {
        struct sock *s = &socks[opened++];
        open_one(s, returning ? &s->again : &s->first);
    }
}

static void go_on(struct sock *s, const char *text, size_t size) {
    const struct dialogue *d = s->says;
    while (s->step < d->count) {
        const struct step *step = &d->steps[s->step];
        size_t want = strlen(step->await);
        if (want) {
            if (!text || size < want || memcmp(text, step->await, want)) return;
            text = NULL; /* a frame answers one step */
        }
        s->step++;
        if (*step->send) put_filled_in(s, step->send);
    }
    s->state = READY;
    ready++;
    count_us(&connects, (now_ns() - s->began_ns) / 1000);
    open_next();
}

/* Receiving */

static void remember(char *into, const char *from, size_t size) {
    if (size >= ID_BYTES) size = ID_BYTES - 1;
    memcpy(into, from, size);
    into[size] = 0;
}

static void note_pid(struct sock *s, const char *text, size_t size) {
    const char *at = memmem(text, size, "\"pid\":\"", 7);
    if (!at) return;
    at += 7;
    const char *stop = memchr(at, '"', size - (size_t)(at - text));
    if (stop) remember(s->pid, at, (size_t)(stop - at));
}

static void note_cursor(struct sock *s, const char *text, size_t size) {
    if (size < 4 || text[size - 1] != ']' || text[size - 2] != '"') return;
    const char *stop = text + size - 2, *at = memrchr(text, '"', size - 2);
    if (at && at[-1] == ',') remember(s->cursor, at + 1, (size_t)(stop - at - 1));
}

static void delivered(struct sock *s, const char *text, size_t size, uint64_t at) {
    deliveries++;
    if (!first_ns) first_ns = at;
    last_ns = at;
    const char *sent = memmem(text, size, "\"sent\":", 7);
    if (sent) {
        uint64_t then = strtoull(sent + 7, NULL, 10);
        count_us(&latencies, at > then ? (at - then) / 1000 : 0);
    }
    if (s->again.count) note_cursor(s, text, size);
}

static void line_came(struct sock *s, const char *text, size_t size, uint64_t at) {
    if (size >= s->event_len && !memcmp(text, s->event, s->event_len)) {
        delivered(s, text, size, at);
        return;
    }
    if (*s->ping && size == strlen(s->ping) && !memcmp(text, s->ping, size)) {
        put_text(s, s->pong);
        return;
    }
    if (s->again.count) {
        if (size > 3 && !memcmp(text, "40{", 3)) note_pid(s, text, size);
        else if (!memcmp(text, "42", 2)) note_cursor(s, text, size);
    }
    if (s->state == STEPPING) go_on(s, text, size);
}

/* A frame may carry several messages, a line each; JSON has no line breaks of its own. */
static void text_came(struct sock *s, const char *text, size_t size, uint64_t at) {
    const char *stop;
    while ((stop = memchr(text, '\n', size))) {
        size_t one = (size_t)(stop - text);
        line_came(s, text, one, at);
        text += one + 1;
        size -= one + 1;
    }
    if (size) line_came(s, text, size, at);
}

/* Takes whole frames; returns how many bytes they were. */
static size_t take_frames(struct sock *s, const char *data, size_t size, uint64_t at) {
    size_t done = 0;
    while (s->fd >= 0 && size - done >= 2) {
        const unsigned char *f = (const unsigned char *)data + done;
        size_t head = 2, body = f[1] & 0x7f;
        if (body == 126) {
            if (size - done < 4) break;
            body = (size_t)f[2] << 8 | f[3];
            head = 4;
        } else if (body == 127) {
            if (size - done < 10) break;
            body = 0;
            for (int i = 2; i < 10; i++) body = body << 8 | f[i];
            head = 10;
        }
        if (size - done < head + body) break;
        int opcode = f[0] & 0x0f;
        if (opcode == TEXT) text_came(s, data + done + head, body, at);
        else if (opcode == PING) put_frame(s, PONG, data + done + head, body);
        else if (opcode == CLOSE) lose(s);
        done += head + body;
    }
    return done;
}

static size_t take_answer(struct sock *s, const char *data, size_t size) {
    const char *stop = memmem(data, size, "\r\n\r\n", 4);
    if (!stop) return 0;
    if (size < 12 || memcmp(data + 9, "101", 3)) {
        fprintf(stderr, "load: refused: %.*s\n", (int)(size > 200 ? 200 : size), data);
        lose(s);
        return size;
    }
    s->state = STEPPING;
    go_on(s, NULL, 0);
    return (size_t)(stop - data) + 4;
}

static void keep(struct sock *s, const char *data, size_t size) {
    if (s->kept_len + size > s->kept_room) {
        s->kept_room = (s->kept_len + size) * 2;
        s->kept = realloc(s->kept, s->kept_room);
        if (!s->kept) die("memory");
    }
    memcpy(s->kept + s->kept_len, data, size);
    s->kept_len += size;
}

static void readable(struct sock *s) {
    static char buffer[READ_BYTES];
    ssize_t got = recv(s->fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose(s);
        return;
    }
    uint64_t at = now_ns();
    bytes += (uint64_t)got;
    char *data = buffer;
    size_t size = (size_t)got, done = 0;
    int was_kept = s->kept_len > 0;
    if (was_kept) {
        keep(s, buffer, size);
        data = s->kept;
        size = s->kept_len;
    }
    if (s->state == OPENING) done = take_answer(s, data, size);
    if (s->state == STEPPING || s->state == READY) done += take_frames(s, data + done, size - done, at);
    if (s->fd < 0) return;
    if (was_kept) {
        memmove(s->kept, s->kept + done, size - done);
        s->kept_len = size - done;
    } else if (done < size) {
        keep(s, data + done, size - done);
    }
}

/* Sleeps only when nothing has come for a while: else a server would pay for waking it up with nearly every send, and
 * the slower one, whose client falls asleep between two, with more of them. */
static void turn(int wait_ms) {
    static uint64_t busy_ns;
    struct epoll_event events[512];
    int n;
    do n = epoll_wait(epoll_fd, events, 512, 0);
    while (!n && now_ns() < busy_ns + AWAKE_NS);
    if (!n) n = epoll_wait(epoll_fd, events, 512, wait_ms);
    if (n) busy_ns = now_ns();
    for (int i = 0; i < n; i++) {
        struct sock *s = events[i].data.ptr;
        if (s->fd >= 0) readable(s);
    }
}

/* Orders */

static void report(double seconds) {
    printf("{\"ready\":%d,\"lost\":%d,\"deliveries\":%llu,\"bytes\":%llu,\"began_ns\":%llu,\"first_ns\":%llu,"
           "\"last_ns\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"connect_p50_ms\":%.3f,"
           "\"connect_p99_ms\":%.3f,\"seconds\":%.6f,\"cpu_s\":%.6f}\n",
           ready, lost, (unsigned long long)deliveries, (unsigned long long)bytes, (unsigned long long)began_ns,
           (unsigned long long)first_ns, (unsigned long long)last_ns, percentile_ms(&latencies, 50),
           percentile_ms(&latencies, 99), latencies.longest_us / 1000.0, percentile_ms(&connects, 50),
           percentile_ms(&connects, 99), seconds, cpu_s());
    fflush(stdout);
}

static void begin(void) {
    deliveries = bytes = first_ns = last_ns = 0;
    memset(&latencies, 0, sizeof latencies);
    began_ns = now_ns();
}

static void open_all(int again) {
    uint64_t began = now_ns(), limit = began + 30ull * 1000000000u;
    returning = again;
    opened = ready = lost = 0;
    memset(&connects, 0, sizeof connects);
    open_next();
    while (ready + lost < count && now_ns() < limit) turn(100);
    report((double)(now_ns() - began) / 1e9);
}

static void wait_for(uint64_t want, uint64_t ms) {
    uint64_t began = now_ns(), limit = began + ms * 1000000u;
    while (deliveries < want && now_ns() < limit) turn(10);
    report((double)(now_ns() - began) / 1e9);
}

int main(int argc, char **argv) {
    struct rlimit files;
    if (argc != 2) die("usage: load PORT");
    port = atoi(argv[1]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll_fd = epoll_create1(0);
    read_plan();
    report(0);
    for (;;) {
        struct pollfd order = {.fd = 0, .events = POLLIN};
        while (poll(&order, 1, 0) == 0) turn(10);
        char *what = line();
        unsigned long long want, ms;
        if (!strcmp(what, "connect")) open_all(0);
        else if (!strcmp(what, "return")) open_all(1);
        else if (!strcmp(what, "begin")) begin(), report(0);
        else if (sscanf(what, "wait %llu %llu", &want, &ms) == 2) wait_for(want, ms);
        else if (!strcmp(what, "drop")) {
            for (int i = 0; i < count; i++) end(&socks[i]), socks[i].state = IDLE;
            ready = 0;
            report(0);
        } else if (!strcmp(what, "quit")) return 0;
        else printf("{\"error\":\"no such order\"}\n"), fflush(stdout);
    }
}

"""Every command with its service, its answer and its HTTP call: one table for all gateways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from aiohttp import hdrs

from hub.core.errors import BadRequest, Conflict, LimitReached, NotFound
from hub.domain import commands as cmd
from hub.domain.answers import Answer, CommandAnswer, Empty
from hub.domain.answers.branch_answers import ChosenNotifications, PublishedPromo
from hub.domain.answers.chat_answers import OpenedChat, SentMessage, SentReply
from hub.domain.answers.key_answers import NewKey
from hub.domain.answers.order_answers import CancelledOrders, OrderAnswer, PlacedOrder
from hub.domain.answers.webhook_answers import ChangedWebhook, ReplayedLetters, SecretOfWebhook
from hub.domain.error_catalogue import OutOfStock, PriceChanged, RecallExpired
from hub.domain.roles import Principal, Scope
from hub.gateways.joined_room import JoinedRoom
from hub.gateways.route_table import Audience, Error, Tag
from hub.gateways.welcome import Pong
from hub.services.build import Services

C = TypeVar("C", bound=cmd.Command)
A = TypeVar("A", bound=Answer, covariant=True)
CommandModel = type[cmd.Command]

_PUSH = "/api/push/subscriptions"

# Commands that belong to a connection: `CommandSession` carries them out.
_CONNECTION: Mapping[CommandModel, type[Answer]] = {cmd.Ping: Pong, cmd.JoinRoom: JoinedRoom, cmd.LeaveRoom: Empty}


class HttpCall(NamedTuple):
    """The HTTP call that carries a command, to a path whose parameters are fields of the command.

    Attributes:
        summary: An imperative sentence for the OpenAPI document.
        errors: The errors that are special to the command; see `Route`.
    """

    path: str
    tag: Tag
    summary: str
    audience: Audience = Audience.ANYONE
    status: int = 200
    errors: tuple[Error, ...] = ()
    method: str = "POST"


def _on_order(
    action: str, summary: str, audience: Audience = Audience.STAFF, errors: tuple[Error, ...] = ()
) -> HttpCall:
    """Return the call of a command on one order."""
    return HttpCall(f"/api/orders/{{order_id}}/{action}", Tag.ORDERS, summary, audience, errors=(Conflict, *errors))


class _Row(NamedTuple, Generic[C, A]):
    """A command, the function that carries it out, the model of its answer, and its HTTP call, if it has one."""

    command: type[C]
    carry_out: Callable[[Principal, C], Awaitable[A]]
    answer: type[A]
    http: HttpCall | None = None


class Commands:
    """Parses commands and passes them to their services.

    Attributes:
        answers: The model of the answer to each command, also of those that belong to a connection.
        http_calls: The HTTP calls of the commands that HTTP carries.
    """

    def __init__(self, services: Services) -> None:
        self._access = services.access
        rows = _rows(services)
        self._table: Mapping[CommandModel, Callable[[Principal, cmd.Command], Awaitable[Answer]]] = {
            row.command: row.carry_out for row in rows
        }
        self.answers: Mapping[CommandModel, type[Answer]] = {
            **_CONNECTION,
            **{row.command: row.answer for row in rows},
        }
        self.http_calls: Mapping[CommandModel, HttpCall] = {row.command: row.http for row in rows if row.http}

    def parse(self, name: object, payload: object) -> cmd.Command:
        """Return a command from its name and payload.

        Raises:
            BadRequest: There is no such command, or the payload is not an object.
            pydantic.ValidationError: A field is missing, unknown, or wrong.
        """
        model = cmd.COMMANDS.get(name) if isinstance(name, str) else None
        if model is None:
            raise BadRequest(f"there is no command {str(name)[:80]!r}")
        if not isinstance(payload, dict):
            raise BadRequest("the payload of a command is one object")
        return model.model_validate(payload)

    async def carry_out(self, principal: Principal, command: cmd.Command) -> Answer:
        """Carry out a command for a principal. The command's token adds a capability, for this command only.

        Raises:
            ComandaError: The service refused.
        """
        principal = await self._access.with_capability(principal, getattr(command, "token", None))
        if principal.is_partner:
            order_id = getattr(command, "order_id", None)
            principal = await self._access.owning(principal, order_id, Scope.ORDERS_WRITE)
        return await self._table[type(command)](principal, command)


def _rows(services: Services) -> tuple[_Row[Any, Answer], ...]:
    return (*_order_rows(services), *_branch_rows(services), *_chat_rows(services), *_webhook_rows(services))


def _order_rows(services: Services) -> tuple[_Row[Any, Answer], ...]:
    orders = services.orders
    return (
        _Row(
            cmd.PlaceOrder,
            orders.place,
            PlacedOrder,
            HttpCall(
                "/api/orders",
                Tag.ORDERS,
                "Place an order",
                status=201,
                errors=(OutOfStock, PriceChanged, LimitReached),
            ),
        ),
        _Row(cmd.AdvanceOrder, orders.advance, OrderAnswer, _on_order("advance", "Move an order one step on")),
        _Row(cmd.CancelOrder, orders.cancel, OrderAnswer, _on_order("cancel", "Cancel an order", Audience.CAPABILITY)),
        _Row(
            cmd.CancelOrders,
            services.bulk.cancel_many,
            CancelledOrders,
            HttpCall("/api/orders/cancel", Tag.ORDERS, "Cancel the open orders that match a filter", Audience.STAFF),
        ),
        _Row(
            cmd.RecallOrder,
            orders.recall,
            OrderAnswer,
            _on_order("recall", "Move an order one step back", errors=(RecallExpired, OutOfStock)),
        ),
        _Row(cmd.DelayOrder, orders.delay, OrderAnswer, _on_order("delay", "Announce a delay")),
        _Row(
            cmd.AcknowledgeOrder, orders.acknowledge, OrderAnswer, _on_order("acknowledge", "Acknowledge a new order")
        ),
        _Row(
            cmd.AcceptOrder,
            orders.accept,
            OrderAnswer,
            _on_order("accept", "Accept an order that waits for acceptance"),
        ),
        _Row(
            cmd.MarkItem,
            orders.mark_item,
            OrderAnswer,
            _on_order("items", "Mark a line of an order as done or not done"),
        ),
        _Row(
            cmd.AssignCourier, orders.assign_courier, OrderAnswer, _on_order("courier", "Assign an order to a courier")
        ),
        _Row(cmd.ReportPosition, services.couriers.report, Empty),
    )


def _branch_rows(services: Services) -> tuple[_Row[Any, Answer], ...]:
    return (
        _Row(
            cmd.PublishPromo,
            services.promos.publish,
            PublishedPromo,
            HttpCall("/api/promos", Tag.MENU, "Publish a promotion", Audience.STAFF, status=201),
        ),
        _Row(
            cmd.SetStock,
            services.stock.set,
            CommandAnswer,
            HttpCall("/api/stock", Tag.MENU, "Set how many of a dish are left", Audience.STAFF),
        ),
        _Row(
            cmd.SetNotifications,
            services.notifications.set,
            ChosenNotifications,
            HttpCall(
                "/api/notifications",
                Tag.NOTIFICATIONS,
                "Choose the notifications to receive",
                Audience.CAPABILITY,
                errors=(NotFound,),
            ),
        ),
        _Row(
            cmd.SubscribePush,
            services.push.subscribe,
            CommandAnswer,
            HttpCall(_PUSH, Tag.NOTIFICATIONS, "Tell a browser about one's orders and chats", Audience.CAPABILITY),
        ),
        _Row(
            cmd.UnsubscribePush,
            services.push.unsubscribe,
            CommandAnswer,
            HttpCall(_PUSH, Tag.NOTIFICATIONS, "Tell a browser nothing more", Audience.CAPABILITY, method="DELETE"),
        ),
        _Row(
            cmd.Logout,
            services.logins.logout,
            Empty,
            HttpCall("/api/logout", Tag.STAFF, "Revoke the token of the request", Audience.STAFF),
        ),
        _Row(
            cmd.AddKey,
            services.keys.add,
            NewKey,
            HttpCall("/api/keys", Tag.STAFF, "Make an API key", Audience.STAFF, status=201, errors=(LimitReached,)),
        ),
        _Row(
            cmd.RevokeKey,
            services.keys.revoke,
            Empty,
            HttpCall("/api/keys/{key_id}", Tag.STAFF, "Revoke an API key", Audience.STAFF, method="DELETE"),
        ),
    )


def _chat_rows(services: Services) -> tuple[_Row[Any, Answer], ...]:
    chat, handover = services.chat, services.handover
    path = "/api/chats/{chat_id}"
    return (
        _Row(cmd.OpenChat, chat.open, OpenedChat, HttpCall("/api/chats", Tag.CHATS, "Open a chat", status=201)),
        _Row(
            cmd.SendChat,
            chat.send,
            SentMessage,
            HttpCall(
                f"{path}/messages", Tag.CHATS, "Send a message", Audience.CAPABILITY, status=202, errors=(LimitReached,)
            ),
        ),
        _Row(
            cmd.StopChat, chat.stop, Empty, HttpCall(f"{path}/stop", Tag.CHATS, "Stop an answer", Audience.CAPABILITY)
        ),
        _Row(
            cmd.ForgetChat,
            chat.forget,
            CommandAnswer,
            HttpCall(f"{path}/forget", Tag.CHATS, "Forget everything that was said in a chat", Audience.CAPABILITY),
        ),
        _Row(cmd.TakeOverChat, handover.take_over, CommandAnswer),
        _Row(cmd.HandBackChat, handover.hand_back, CommandAnswer),
        _Row(cmd.ReplyChat, handover.reply, SentReply),
    )


def _webhook_rows(services: Services) -> tuple[_Row[Any, Answer], ...]:
    webhooks, path = services.webhooks, "/api/webhooks/{webhook_id}"

    def call(path: str, summary: str, *errors: Error, method: str = hdrs.METH_POST, status: int = 200) -> HttpCall:
        return HttpCall(path, Tag.WEBHOOKS, summary, Audience.STAFF, status, errors, method)

    return (
        _Row(
            cmd.AddWebhook,
            webhooks.add,
            SecretOfWebhook,
            call("/api/webhooks", "Add an endpoint for webhooks", LimitReached, status=201),
        ),
        _Row(
            cmd.ChangeWebhook,
            webhooks.change,
            ChangedWebhook,
            call(path, "Change an endpoint", Conflict, method=hdrs.METH_PATCH),
        ),
        _Row(
            cmd.RemoveWebhook,
            webhooks.remove,
            CommandAnswer,
            call(path, "Remove an endpoint", method=hdrs.METH_DELETE),
        ),
        _Row(cmd.RotateWebhook, webhooks.rotate, SecretOfWebhook, call(f"{path}/rotate", "Replace a secret")),
        _Row(
            cmd.ReplayWebhook,
            services.dead_letters.replay,
            ReplayedLetters,
            call(f"{path}/dead/replay", "Send dead letters again"),
        ),
    )

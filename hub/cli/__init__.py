"""The command line, `comanda …`. Each command parses, calls one function, and prints one clear line when it fails."""

from __future__ import annotations

import typer

from hub.cli.data_commands import backup, new_epoch, restore
from hub.cli.doctor_command import doctor
from hub.cli.keys_commands import keys_app
from hub.cli.orders_commands import orders_app
from hub.cli.printer_command import printer
from hub.cli.secret_commands import secret_app
from hub.cli.serve_commands import agent, demo, notifier, serve, version
from hub.cli.simulate_command import simulate
from hub.cli.staff_commands import staff_app
from hub.cli.token_commands import token_app
from hub.cli.webhooks_commands import webhooks_app
from hub.cli.whatsapp_commands import whatsapp_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The order hub of a taquería.",
)
for command in (serve, demo, simulate, agent, notifier, printer, doctor, backup, restore):
    app.command()(command)
app.command("new-epoch")(new_epoch)
app.command()(version)
app.add_typer(staff_app, name="staff")
app.add_typer(orders_app, name="orders")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(whatsapp_app, name="whatsapp")
app.add_typer(token_app, name="token")
app.add_typer(keys_app, name="keys")
app.add_typer(secret_app, name="secret")

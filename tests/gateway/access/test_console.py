"""The console: accounts, sessions, tokens, the table and the certificate from the command line."""

import io
from pathlib import Path

import pytest

from teleward_gateway.__main__ import main
from teleward_gateway.access.accounts import Accounts
from teleward_gateway.access.certificate import MadeCertificate, server_context
from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.sessions import Sessions
from teleward_gateway.commands.doctor import _network
from teleward_gateway.settings.load import load
from teleward_signal.model import Provenance

from .conftest import PASSWORD


def test_accounts_at_the_console(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, data = tmp_path / "t.toml", tmp_path / "data"
    config.write_text(f"[gateway]\ndata_folder = '{data}'\n[lan]\nenabled = true\n")

    def teleward(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        command, *rest = words
        code = main([command, "--config", str(config), *rest])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    code, text = teleward("accounts", "list")
    assert (code, "start the gateway once" in text) == (1, True)
    folder = data / "field"
    folder.mkdir(parents=True)
    assert "no account yet" in teleward("accounts", "list")[1]
    (warned,) = _network(load(config))
    assert "nobody can log in" in warned.text
    add = ("accounts", "add", "Ward sister", "--role", "clinician")
    assert teleward(*add, "--password-file", "-", typed=PASSWORD + "\n")[0] == 0
    assert "is called 'Ward sister' already" in teleward(*add, "--generate")[1]
    assert "exists on a simulated ward only" in teleward(
        "accounts", "add", "T", "--role", "teacher", "--generate")[1]  # fmt: skip
    assert "10 to 200 characters" in teleward(
        "accounts", "add", "Guest 1", "--role", "guest-expert", "--password-file", "-",
        typed="short")[1]  # fmt: skip
    code, text = teleward("accounts", "add", "Guest 1", "--role", "guest-expert", "--generate")
    assert code == 0
    assert "until" in text
    assert "Ward sister" in teleward("accounts", "list")[1]
    file = AccessFile(folder)
    accounts, sessions = Accounts(file, Provenance.FIELD), Sessions(file, 3600, 3600)
    secret, session = sessions.begin(accounts.find("ward sister"), "10.0.0.7", "phone")
    assert session.id in teleward("accounts", "sessions")[1]
    assert teleward("accounts", "sessions", "--end", session.id)[0] == 0
    sessions.refresh()
    assert sessions.find(secret) is None
    assert "no session" in teleward("accounts", "sessions", "--end", "none")[1]

    token = teleward("access", "metrics-token", "--label", "prometheus")[1].split()[-1]
    sessions.refresh()
    link = sessions.find_link(token, "metrics")
    assert link is not None
    assert link.id in teleward("access", "links")[1]
    assert teleward("access", "end-link", link.id)[0] == 0
    sessions.refresh()
    assert sessions.find_link(token, "metrics") is None
    assert "account added: Ward sister" in teleward("access", "log")[1]
    assert teleward("accounts", "remove", "Guest 1")[0] == 0
    assert "no account is called" in teleward("accounts", "remove", "Guest 1")[1]
    assert "start the gateway with [lan]" in teleward("access", "ca")[1]
    made = MadeCertificate(folder / "tls", "clinic-3", lambda: frozenset({"a.local"}))
    made.refresh(server_context())
    assert "SHA-256" in teleward("access", "ca")[1]
    file.close()

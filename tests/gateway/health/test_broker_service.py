"""`teleward doctor --profile` compares the settings with a service's limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.mqtt.profiles import LIMITS, BrokerProfile, ServiceLimits
from teleward_cloud.mqtt.settings import Bundle, HomeAssistantSettings, MqttSettings, Transport
from teleward_cloud.tls import TlsSettings
from teleward_gateway.__main__ import main
from teleward_gateway.health.broker_service import check_service
from teleward_gateway.health.findings import State
from teleward_gateway.health.servers import check_broker
from teleward_gateway.settings.model import Settings
from teleward_gateway.testing.fake_broker import FakeBroker
from teleward_signal.model import Provenance

AWS, EMQX = BrokerProfile.AWS, BrokerProfile.EMQX_SERVERLESS


def problems(service: BrokerProfile, gateway: str = "ward-3", **changes: Any) -> str:
    given: dict[str, Any] = {"tls": TlsSettings(), "profile": service} | changes
    found = check_service(MqttSettings(**given), gateway, Provenance.SIMULATED, service)
    return "\n".join(f"{f.text} {f.remedy}" for f in found if f.state is not State.OK)


@pytest.mark.parametrize("profile", list(BrokerProfile))
def test_the_defaults_with_tls_are_fine(profile: BrokerProfile) -> None:
    assert problems(profile) == ""


@pytest.mark.parametrize(
    ("profile", "changes", "remedy"),
    [
        (AWS, {"tls": None}, "add a section [mqtt.tls]"),
        (AWS, {"port": 443}, 'set mqtt.alpn = ["x-amzn-mqtt-ca"]'),
        (BrokerProfile.AZURE, {"port": 443}, 'set mqtt.transport = "websockets"'),
        (EMQX, {"transport": Transport.WEBSOCKETS}, "set mqtt.port = 8084"),
        (AWS, {"simulated_topic_root": "a/b/c/d/e/f"}, "shorten mqtt.topic_root by 1 levels"),
        (AWS, {"simulated_topic_root": "r" * 240}, "topics of 256 bytes"),
        (AWS, {"client_id": "c" * 129}, "client ids of 128 bytes"),
        (AWS, {"publishes_per_s": 500.0}, "set mqtt.publishes_per_s = 100"),
        (EMQX, {"bundle": Bundle.SUBJECT}, 'set mqtt.bundle = "gateway"'),
        (EMQX, {"home_assistant": HomeAssistantSettings(enabled=True)}, "misses values"),
        (BrokerProfile.HIVEMQ, {"profile": None}, 'set mqtt.profile = "hivemq"'),
    ],
)
def test_what_breaks_a_limit_is_named_with_its_remedy(
    profile: BrokerProfile, changes: dict[str, Any], remedy: str
) -> None:
    assert remedy in problems(profile, **changes)


def test_a_keep_alive_beyond_the_limits_is_named() -> None:
    low, high = LIMITS[BrokerProfile.AZURE].keep_alive_s or (0, 0)
    assert (low, high) == (1, 1160)
    assert problems(BrokerProfile.AZURE, keepalive_s=600) == ""


async def test_limits_that_the_broker_states_are_shown() -> None:
    broker = FakeBroker(ServiceLimits("small", packet_bytes=1000, qos=0, retain=False))
    await broker.start()
    settings = Settings(mqtt=MqttSettings(port=broker.port))
    found = [f async for f in check_broker(settings)]
    text = "\n".join(f"{f.text} {f.remedy}" for f in found)
    assert "QoS 0 only" in text
    assert "retained" in text
    assert "packets of 1000 bytes" in text
    await broker.stop()


def test_doctor_takes_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "t.toml"
    settings.write_text('[gateway]\nname = "w"\nmode = "simulated"\n[mqtt]\nport = 9\n')
    main(["doctor", "--config", str(settings), "--profile", "aws", "--json"])
    found = json.loads(capsys.readouterr().out)
    texts = [finding["text"] for finding in found if finding["check"] == "broker service"]
    assert "AWS IoT Core takes TLS only" in texts

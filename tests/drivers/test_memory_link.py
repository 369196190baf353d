"""The null modem: what is sent arrives, faults are seeded, ends are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.inbox import Inbox
from teleward_drivers.memory_link import Faults, MemoryLink


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=30))
async def test_clean_wire_changes_nothing(pieces: list[bytes]) -> None:
    near, far = MemoryLink.pair()
    for piece in pieces:
        await near.write(piece)
    await near.close()
    assert await rest(far) == pieces


async def rest(link: MemoryLink) -> list[bytes]:
    """Return everything that arrives until the link ends."""
    got = []
    while True:
        try:
            got.append((await link.read()).data)
        except LinkLost:
            return got


async def run(seed: int) -> list[bytes]:
    """Send a hundred pieces over a bad wire; return what arrives."""
    near, far = MemoryLink.pair(Faults(loss=0.2, duplicate=0.1, corruption=0.05), seed)
    for number in range(100):
        await near.write(bytes([number] * 8))
    await near.close()
    return await rest(far)


async def test_faults_are_seeded_and_do_what_they_say() -> None:
    first = await run(1)
    assert first == await run(1)
    assert first != await run(2)
    clean = [piece for piece in first if len(set(piece)) == 1]
    assert 60 < len(first) < 105
    assert 0 < len(first) - len(clean) < 60
    assert len(clean) > len(set(clean))


async def test_delay_holds_every_piece() -> None:
    near, far = MemoryLink.pair(Faults(delay_s=0.05))
    await near.write(b"x")
    assert far._inbox.last("") is None
    assert (await far.read()).data == b"x"


async def test_channels_make_it_look_like_ble() -> None:
    near, far = MemoryLink.pair(channels=frozenset({"a"}))
    far.values["a"] = b"1"
    await near.request("a")
    assert (await near.read()).channel == "a"
    with pytest.raises(OperationRefused, match="no characteristic b"):
        await near.subscribe("b")


async def test_inbox_drops_the_oldest_and_counts() -> None:
    inbox = Inbox(capacity=3)
    for number in range(5):
        inbox.put(bytes([number]))
    inbox.end(LinkLost("over"))
    assert [(await inbox.get()).data[0] for _ in range(3)] == [2, 3, 4]
    assert inbox.n_overflowed == 2
    with pytest.raises(LinkLost):
        await inbox.get()

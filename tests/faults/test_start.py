"""A service starts while another one is away."""

from pathlib import Path

import httpx
import pytest
from tests.faults.four import Four
from tests.support.faults import Mode
from tests.support.shop import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("mode", [Mode.REFUSED, Mode.SILENT])
async def test_products_starts_while_users_is_away(four: Four, tmp_path: Path, mode: Mode) -> None:
    """It is ready and shows the catalogue; who sends a token where it matters is asked to try again, until users is back."""
    four.proxies["users"].breaks(mode)
    late = four.another("products", tmp_path)
    await late.start()
    try:
        async with httpx.AsyncClient(base_url=f"{late.url}/api/v1", headers=four.shop.staff(), timeout=5, trust_env=False) as staff:
            assert (await staff.get("/categories")).status_code == 200
            refused = await staff.get("/variants/basic/stock")
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
            await four.proxies["users"].heals()

            async def known() -> bool:
                return (await staff.get("/variants/absent/stock")).status_code == 404

            await eventually(known, 6.0)
    finally:
        late.kill()

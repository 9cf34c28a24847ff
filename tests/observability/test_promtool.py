"""Prometheus itself says that configuration, rules and queries are good, and when each alert fires."""

import shutil
import subprocess
from pathlib import Path

import yaml
from tests.observability.queries import FOLDER, of_dashboard
from tests.support.needs import need


def promtool(*arguments: str | Path) -> str:
    """Run it; raises AssertionError with what it says."""
    need(shutil.which("promtool"), "promtool, of Debian's package prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    """Annotations are templates, and are read too."""
    assert "SUCCESS" in promtool("check", "config", FOLDER / "prometheus.yml")


def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """Each as if it were a rule."""
    rules = [{"record": f"query:number{number}", "expr": query.text} for number, query in enumerate(of_dashboard())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", tmp_path / "rules.yml")


def test_alerts_fire_when_there_is_trouble_and_only_then() -> None:
    """Minute by minute, over series that were made up."""
    promtool("test", "rules", Path(__file__).parent / "scenarios.yml")

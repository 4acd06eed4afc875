"""The alert rules and the dashboard of docs/monitoring/, checked with promtool."""

import json
import re
import subprocess
from pathlib import Path

from tests.support.newcomer import blocks

MONITORING = Path(__file__).resolve().parents[2] / "docs" / "monitoring"
METRICS = set(re.findall(r"^\| `(latchkey_\w+)", (MONITORING.parent / "metrics.md").read_text(), re.MULTILINE))


def promtool(*arguments: str) -> None:
    completed = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def queries() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_alerts_fire_when_they_should() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_configuration_of_the_page_is_valid(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    (configuration,) = blocks("docs/metrics.md", "yaml")
    file = tmp_path / "prometheus.yml"
    file.write_text(configuration.replace("/etc/prometheus/latchkey-metrics-token", str(tmp_path / "token")))
    promtool("check", "config", str(file))


def test_every_alert_is_tested() -> None:
    alerts = set(re.findall(r"alert: (\w+)", (MONITORING / "alerts.yml").read_text()))
    assert set(re.findall(r"alertname: (\w+)", (MONITORING / "alerts_test.yml").read_text())) == alerts


def test_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    file = tmp_path / "queries.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_dashboard_and_alerts_use_documented_metrics_and_the_dashboard_all() -> None:
    def metrics(text: str) -> set[str]:
        return {re.sub("_bucket$", "", name) for name in re.findall(r"latchkey_\w+", text)}

    assert metrics(" ".join(queries())) == METRICS
    assert metrics((MONITORING / "alerts.yml").read_text()) <= METRICS

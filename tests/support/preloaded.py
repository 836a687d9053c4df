"""What commands import when they run. The template process of commands.py imports it first."""

import app
import background
import cli.audit_export
import cli.config_check
import cli.ticket_export
import demo.seed
import models.changes.sla_audit
import models.migrate
import server
import services.components
import settings.reference

__all__ = ["app", "background", "cli", "demo", "models", "server", "services", "settings"]

"""The decorators of mutations: transactions, idempotency keys, versions and user errors."""

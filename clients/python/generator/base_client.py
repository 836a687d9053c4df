from ticketwire_client.operations import OperationClient


class BaseClient(OperationClient):
    """The class from which the generated client inherits."""

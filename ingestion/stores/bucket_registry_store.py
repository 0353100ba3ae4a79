"""The registry in a bucket of S3, with views that can be read while they are written. Control path; needs boto3."""

from feast.infra.registry.s3 import S3RegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry as RegistryProto

from ingestion.stores.registry_store import readable


class BucketRegistryStore(S3RegistryStore):
    """Feast's object in a bucket, which is replaced in one step by itself; what `readable` says of views holds."""

    def get_registry_proto(self) -> RegistryProto:
        """What is registered.

        Raises:
            FileNotFoundError: nothing is.
            feast.errors.S3RegistryBucketNotExist: nor is there a bucket.
        """
        return readable(super().get_registry_proto())

using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

// All that the store, the log, the controls, the operations and the cluster do, once more behind a pgbouncer in transaction mode, where nothing that a
// session keeps stays with the client: no prepared statement, no backend's process id. Only the listener connection bypasses it.

[Collection(BehindPgBouncer.Name)]
public sealed class ClusterBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : ClusterTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class ControlsBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : ControlsTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class FenceBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : FenceTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class ListingBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : ListingTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class LoadingBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : LoadingTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class OperationsBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : OperationsTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class OperationsFoundBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : OperationsFoundTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class ReassignmentBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : ReassignmentTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class ReassignmentRaceBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : ReassignmentRaceTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class SagaLogBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : SagaLogTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class SchemaLockBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : SchemaLockTests(cluster, pooler);

[Collection(BehindPgBouncer.Name)]
public sealed class TakeOverBehindPgBouncerTests(PostgresCluster cluster, Pooler pooler) : TakeOverTests(cluster, pooler);

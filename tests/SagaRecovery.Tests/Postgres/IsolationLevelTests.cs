namespace SagaRecovery.Tests.Postgres;

// The fence, reassignments and operator actions once more where an administrator has made a stricter isolation level the default of the database. A
// writer that waits for a change of owner must not continue with the snapshot that it took before it waited.

public sealed class FenceAtRepeatableReadTests(PostgresCluster cluster) : FenceTests(cluster, pooler: null, RepeatableRead);

public sealed class FenceAtSerializableTests(PostgresCluster cluster) : FenceTests(cluster, pooler: null, Serializable);

public sealed class ReassignmentAtRepeatableReadTests(PostgresCluster cluster) : ReassignmentTests(cluster, pooler: null, RepeatableRead);

public sealed class ReassignmentAtSerializableTests(PostgresCluster cluster) : ReassignmentTests(cluster, pooler: null, Serializable);

public sealed class ReassignmentRaceAtRepeatableReadTests(PostgresCluster cluster) : ReassignmentRaceTests(cluster, pooler: null, RepeatableRead);

public sealed class ReassignmentRaceAtSerializableTests(PostgresCluster cluster) : ReassignmentRaceTests(cluster, pooler: null, Serializable);

public sealed class OperationsAtRepeatableReadTests(PostgresCluster cluster) : OperationsTests(cluster, pooler: null, RepeatableRead);

public sealed class OperationsAtSerializableTests(PostgresCluster cluster) : OperationsTests(cluster, pooler: null, Serializable);

namespace SagaRecovery.Stress.Cluster;

/// <summary>The ways in which the lead passes to another server.</summary>
internal enum Failover
{
    /// <summary>As for maintenance: the primary shuts down, and the standby takes over all that it wrote.</summary>
    Switchover,

    /// <summary>The primary and its Patroni are killed, and stay away until the service has recovered.</summary>
    Kill,

    /// <summary>The primary and its Patroni are stopped, connections and all, and wake up once the service has recovered.</summary>
    Freeze,
}

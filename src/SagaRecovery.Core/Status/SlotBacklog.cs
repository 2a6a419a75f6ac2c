namespace SagaRecovery.Status;

/// <summary>The sagas of one definition that wait for a slot: they are not loaded, and the executor takes them as it gets capacity.</summary>
/// <param name="Definition">The name of the definition.</param>
/// <param name="Count">The number of sagas.</param>
/// <param name="Since">The time since which the first of them has not been running, as far as this process knows.</param>
public sealed record SlotBacklog(string Definition, int Count, DateTimeOffset? Since);

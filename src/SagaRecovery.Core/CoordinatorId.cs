namespace SagaRecovery;

/// <summary>The saga execution coordinator: the process that owns and runs sagas. Configured, and stable over its restarts.</summary>
/// <param name="Value">The id as it stands in the database.</param>
public readonly record struct CoordinatorId(Guid Value)
{
    /// <summary>The lower-case form with hyphens.</summary>
    public override string ToString() => Value.ToString();
}

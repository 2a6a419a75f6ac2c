namespace SagaRecovery;

/// <summary>The identity of a saga execution coordinator, the process that owns and runs sagas.</summary>
/// <remarks>The id is configured. It must stay the same when the process restarts.</remarks>
/// <param name="Value">The id as stored in the database.</param>
public readonly record struct CoordinatorId(Guid Value)
{
    /// <summary>Returns the lower-case form with hyphens.</summary>
    public override string ToString() => Value.ToString();
}

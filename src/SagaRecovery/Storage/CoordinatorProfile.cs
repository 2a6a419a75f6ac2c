namespace SagaRecovery.Storage;

/// <summary>What a process says of itself to the others on its database.</summary>
/// <param name="Version">The version of its program; null: not known.</param>
/// <param name="Definitions">The definitions that it can run; null: its executor does not say, and is taken to run any.</param>
public sealed record CoordinatorProfile(string? Version, IReadOnlyCollection<RunnableDefinition>? Definitions);

/// <summary>A definition that an executor can run.</summary>
/// <param name="Hash">What sagas name it by.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
public sealed record RunnableDefinition(DefinitionHash Hash, string Name, int Version);

/// <summary>What a coordinator hears from the store between its passes.</summary>
public abstract record CoordinatorNotification
{
    private CoordinatorNotification()
    {
    }

    /// <summary>Hints are heard from now on; those given before may have been missed.</summary>
    /// <param name="Assigned">The number of the last time that sagas were assigned to it.</param>
    public sealed record Listening(long Assigned) : CoordinatorNotification;

    /// <summary>Sagas were assigned to this coordinator or taken from it, or somebody else pulled a lever that lets its sagas go on.</summary>
    public sealed record Hint : CoordinatorNotification
    {
        /// <summary>The one instance.</summary>
        public static Hint Instance { get; } = new();
    }
}

namespace SagaRecovery.Storage;

/// <summary>The description of a process that it publishes to the other processes on its database.</summary>
/// <param name="Version">The version of its program; null if it is not known.</param>
/// <param name="Definitions">
/// The definitions that it can run; null if its executor does not report them. Such a process counts as able to run any definition.
/// </param>
public sealed record CoordinatorProfile(string? Version, IReadOnlyCollection<RunnableDefinition>? Definitions);

/// <summary>A definition that an executor can run.</summary>
/// <param name="Hash">The hash by which sagas refer to the definition.</param>
/// <param name="Name">The name of the definition.</param>
/// <param name="Version">The version of the definition.</param>
public sealed record RunnableDefinition(DefinitionHash Hash, string Name, int Version)
{
    /// <summary>True if the executor makes the DAG from the parameters of each saga, and so runs sagas of this name and version with any hash.</summary>
    /// <value>The default is <see langword="false"/>. If true, <see cref="Hash"/> only identifies the definition itself.</value>
    public bool AnyDag { get; init; }

    /// <summary>True if the executor only resumes sagas of the definition, and starts none. Other processes are not told.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool IsFormer { get; init; }

    /// <summary>Returns true if sagas of a stored definition can run with this one.</summary>
    internal bool Runs(SavedDefinition stored) => AnyDag ? Name == stored.Name && Version == stored.Version : Hash == stored.Hash;
}

/// <summary>A notification from the store to a coordinator between its passes.</summary>
public abstract record CoordinatorNotification
{
    private CoordinatorNotification()
    {
    }

    /// <summary>The store delivers hints from now on. Earlier hints may have been lost.</summary>
    /// <param name="Assigned">The number of the last assignment of sagas to this coordinator.</param>
    public sealed record Listening(long Assigned) : CoordinatorNotification;

    /// <summary>A heartbeat was written.</summary>
    /// <param name="ListenerError">
    /// The reason for which no listener connection is open, so that assigned sagas are found at the next heartbeat, and other hints are lost until a periodic pass; null if one is open.
    /// </param>
    /// <remarks>A store that sends it once sends it after each heartbeat: recovery reports heartbeats that are late.</remarks>
    public sealed record HeartbeatWritten(string? ListenerError) : CoordinatorNotification;

    /// <summary>A hint that a pass may find work: sagas were assigned or taken away, or an operator action allows sagas to resume.</summary>
    public sealed record Hint : CoordinatorNotification
    {
        /// <summary>The only instance.</summary>
        public static Hint Instance { get; } = new();
    }
}

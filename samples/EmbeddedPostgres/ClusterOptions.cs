namespace EmbeddedPostgres;

/// <summary>The options of a private cluster.</summary>
public sealed record ClusterOptions
{
    /// <summary>
    /// The durability of commits: true if they survive a crash of the machine (fsync).
    /// </summary>
    /// <value>The default is true.</value>
    /// <remarks>False is several times faster, and commits still survive a kill of the server, because the kernel owns the page cache.</remarks>
    public bool Durable { get; init; } = true;

    /// <summary>The role that owns the cluster.</summary>
    /// <value>The default is <c>postgres</c>.</value>
    public string Superuser { get; init; } = "postgres";

    /// <summary>The largest number of connections.</summary>
    /// <value>The default is 200.</value>
    public int MaxConnections { get; init; } = 200;

    /// <summary>The folder with <c>initdb</c> and <c>pg_ctl</c>.</summary>
    /// <value>The default is null, which searches the PATH and the usual folders.</value>
    public string? BinFolder { get; init; }

    /// <summary>The time limit of each creation, start and stop.</summary>
    /// <value>The default is 60 seconds.</value>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Additional server settings, by their names in <c>postgresql.conf</c>.</summary>
    /// <value>The default is empty.</value>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>The way in which the server stops.</summary>
public enum StopMode
{
    /// <summary>Rolls open transactions back and shuts down cleanly.</summary>
    Fast,

    /// <summary>Stops without cleanup, as in a crash. The next start recovers from the log.</summary>
    Immediate,
}

/// <summary>The state in which <see cref="PrivateCluster.StartOrFindAsync"/> found the cluster.</summary>
public enum ClusterOrigin
{
    /// <summary>No cluster existed, so it was created.</summary>
    Made,

    /// <summary>The cluster existed and was started.</summary>
    Started,

    /// <summary>The cluster was already running.</summary>
    Found,
}

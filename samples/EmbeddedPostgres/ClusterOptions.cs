namespace EmbeddedPostgres;

/// <summary>How a private cluster is made and run.</summary>
public sealed record ClusterOptions
{
    /// <summary>
    /// Whether commits survive a crash of the machine (fsync). Off for throwaway clusters: several times faster, and still safe when
    /// the server is killed, since the page cache is the kernel's. Default true.
    /// </summary>
    public bool Durable { get; init; } = true;

    /// <summary>The role that owns the cluster. Default <c>postgres</c>.</summary>
    public string Superuser { get; init; } = "postgres";

    /// <summary>Default 200.</summary>
    public int MaxConnections { get; init; } = 200;

    /// <summary>The folder with <c>initdb</c> and <c>pg_ctl</c>; null: wherever they are found.</summary>
    public string? BinFolder { get; init; }

    /// <summary>How long making, starting or stopping may take, each. Default 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>More settings for the server, by their names in <c>postgresql.conf</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>How the server comes to an end.</summary>
public enum StopMode
{
    /// <summary>Rolls open transactions back and shuts down cleanly.</summary>
    Fast,

    /// <summary>As in a crash: the next start recovers from the log.</summary>
    Immediate,
}

/// <summary>What <see cref="PrivateCluster.StartOrFindAsync"/> had to do.</summary>
public enum ClusterOrigin
{
    /// <summary>The folder held none: it was made.</summary>
    Made,

    /// <summary>It was there, and was started.</summary>
    Started,

    /// <summary>It was running.</summary>
    Found,
}

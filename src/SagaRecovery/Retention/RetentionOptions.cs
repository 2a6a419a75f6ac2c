namespace SagaRecovery.Retention;

/// <summary>The options of retention, bound from the configuration section <see cref="SectionName"/>.</summary>
/// <remarks>Retention is off by default: nothing is deleted unless one of the times is set.</remarks>
public sealed class RetentionOptions
{
    /// <summary>The name of the configuration section, <c>SagaRecovery:Retention</c>.</summary>
    public const string SectionName = SagaRecoveryOptions.SectionName + ":Retention";

    /// <summary>The settings that are durations; see <see cref="DurationFormatValidator{TOptions}"/>.</summary>
    internal static IReadOnlyList<string> Durations { get; } =
    [
        nameof(KeepSucceeded), nameof(KeepUnwound), nameof(KeepStuck), nameof(KeepAbandoned), nameof(KeepOperatorActions),
        nameof(KeepSilentCoordinators), nameof(ArchiveTimeout), nameof(Period), nameof(BatchPause),
        $"{nameof(ByDefinition)}:*:{nameof(DefinitionRetention.KeepSucceeded)}",
        $"{nameof(ByDefinition)}:*:{nameof(DefinitionRetention.KeepUnwound)}",
        $"{nameof(ByDefinition)}:*:{nameof(DefinitionRetention.KeepStuck)}",
        $"{nameof(ByDefinition)}:*:{nameof(DefinitionRetention.KeepAbandoned)}",
    ];

    /// <summary>The time for which sagas that succeeded are kept after their end.</summary>
    /// <value>At least 1 second. The default is <see langword="null"/>: they are kept.</value>
    public TimeSpan? KeepSucceeded { get; set; }

    /// <summary>The time for which unwound sagas are kept after their end.</summary>
    /// <value>At least 1 second. The default is <see langword="null"/>: they are kept.</value>
    public TimeSpan? KeepUnwound { get; set; }

    /// <summary>The time for which stuck sagas are kept.</summary>
    /// <value>At least 1 second. The default is <see langword="null"/>: they are kept.</value>
    /// <remarks>A stuck saga waits for an operator, and its log is the only record of what it has not undone.</remarks>
    public TimeSpan? KeepStuck { get; set; }

    /// <summary>The time for which abandoned sagas are kept.</summary>
    /// <value>At least 1 second. The default is <see langword="null"/>: they are kept.</value>
    /// <remarks>The log of an abandoned saga is the only record of what it has not finished and not undone.</remarks>
    public TimeSpan? KeepAbandoned { get; set; }

    /// <summary>The times for the sagas of single definitions, by the name of the definition.</summary>
    /// <value>The default is empty.</value>
    /// <remarks>Case does not matter, since it does not in configuration. A name that no stored definition has is logged.</remarks>
    public Dictionary<string, DefinitionRetention> ByDefinition { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The time for which operator actions are kept. An action on a saga stays at least as long as the saga.</summary>
    /// <value>At least 1 second. The default is <see langword="null"/>: they are kept.</value>
    public TimeSpan? KeepOperatorActions { get; set; }

    /// <summary>The time since its last heartbeat after which a coordinator that owns no unfinished sagas is deleted.</summary>
    /// <value>At least 1 minute. The default is <see langword="null"/>: they are kept.</value>
    public TimeSpan? KeepSilentCoordinators { get; set; }

    /// <summary>A value indicating whether definitions that no saga has and no coordinator publishes are deleted.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool DeleteUnusedDefinitions { get; set; }

    /// <summary>The folder for files of JSON lines, to which sagas are exported before they are deleted.</summary>
    /// <value>A path. The default is <see langword="null"/>: sagas are exported only if an <c>ISagaArchive</c> is registered.</value>
    /// <remarks>Ignored if an <c>ISagaArchive</c> is registered. The folder is created if it does not exist.</remarks>
    public string? ArchiveFolder { get; set; }

    /// <summary>The time within which an <c>ISagaArchive</c> must complete the export of one batch.</summary>
    /// <value>Greater than zero, at most 1 hour. The default is 1 minute.</value>
    /// <remarks>Otherwise the run has failed, and the sagas stay. No export begins before the last one has ended.</remarks>
    public TimeSpan ArchiveTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The interval between two runs.</summary>
    /// <value>Greater than zero, at most 49 days. The default is 1 hour.</value>
    /// <remarks>A run deletes everything that has expired. While runs fail, the next one comes sooner.</remarks>
    public TimeSpan Period { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The maximum number of sagas that one transaction visits and deletes.</summary>
    /// <value>From 1 to 10,000. The default is 200.</value>
    public int BatchSize { get; set; } = 200;

    /// <summary>The pause between two batches.</summary>
    /// <value>At least zero, at most 1 minute. The default is 50 milliseconds.</value>
    /// <remarks>A pause is at least three times as long as the batch before it took, so that a slow server has more of them.</remarks>
    public TimeSpan BatchPause { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A value indicating whether anything expires.</summary>
    internal bool IsOn =>
        (KeepSucceeded ?? KeepUnwound ?? KeepStuck ?? KeepAbandoned ?? KeepOperatorActions ?? KeepSilentCoordinators) is not null
        || DeleteUnusedDefinitions || ByDefinition.Values.Any(one => one.DeletesAny);
}

/// <summary>The times for the sagas of one definition. A time that is not set is that of all definitions.</summary>
public sealed class DefinitionRetention
{
    /// <summary>A value indicating whether all ended sagas of the definition are kept.</summary>
    /// <value>The default is <see langword="false"/>. If <see langword="true"/>, the times must not be set.</value>
    public bool Keep { get; set; }

    /// <inheritdoc cref="RetentionOptions.KeepSucceeded" path="/summary" />
    /// <value>At least 1 second. The default is <see langword="null"/>: as for all definitions.</value>
    public TimeSpan? KeepSucceeded { get; set; }

    /// <inheritdoc cref="RetentionOptions.KeepUnwound" path="/summary" />
    /// <value>At least 1 second. The default is <see langword="null"/>: as for all definitions.</value>
    public TimeSpan? KeepUnwound { get; set; }

    /// <inheritdoc cref="RetentionOptions.KeepStuck" path="/summary" />
    /// <value>At least 1 second. The default is <see langword="null"/>: as for all definitions.</value>
    public TimeSpan? KeepStuck { get; set; }

    /// <inheritdoc cref="RetentionOptions.KeepAbandoned" path="/summary" />
    /// <value>At least 1 second. The default is <see langword="null"/>: as for all definitions.</value>
    public TimeSpan? KeepAbandoned { get; set; }

    internal bool DeletesAny => (KeepSucceeded ?? KeepUnwound ?? KeepStuck ?? KeepAbandoned) is not null;
}

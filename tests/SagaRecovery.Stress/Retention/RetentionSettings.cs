namespace SagaRecovery.Stress.Retention;

/// <summary>The settings of a service that deletes everything two seconds after its end, in small batches.</summary>
internal static class RetentionSettings
{
    public static readonly TimeSpan Keep = TimeSpan.FromSeconds(2);

    /// <summary>The settings with an archive in a folder.</summary>
    public static string[] Of(string archiveFolder) =>
    [
        $"--SagaRecovery:Retention:KeepSucceeded={Keep}", $"--SagaRecovery:Retention:KeepUnwound={Keep}", "--SagaRecovery:Retention:Period=00:00:00.100",
        "--SagaRecovery:Retention:BatchSize=20", "--SagaRecovery:Retention:BatchPause=00:00:00", $"--SagaRecovery:Retention:ArchiveFolder={archiveFolder}",
        "--SagaRecovery:Retention:DeleteUnusedDefinitions=true", $"--SagaRecovery:Retention:KeepStuck={Keep}",
        $"--SagaRecovery:Retention:KeepOperatorActions={Keep}", "--SagaRecovery:Retention:KeepSilentCoordinators=00:01:00",
    ];
}

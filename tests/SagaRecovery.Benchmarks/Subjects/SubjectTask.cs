using System.Text.Json.Serialization;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>What a subject is given to do.</summary>
internal sealed record SubjectTask
{
    public required string ConnectionString { get; init; }

    /// <summary>The coordinator that owns the sagas.</summary>
    public required Guid Owner { get; init; }

    /// <summary>The coordinator that owns the sagas of the warm-up.</summary>
    public required Guid WarmUpOwner { get; init; }

    /// <summary>How many sagas there are.</summary>
    public required int Sagas { get; init; }

    /// <summary>How many of the warm-up's sagas there are.</summary>
    public int WarmUpSagas { get; init; }

    /// <summary>How many run at a time; 0: it does not matter.</summary>
    public int AtATime { get; init; }

    /// <summary>How often something short is repeated.</summary>
    public int Repeats { get; init; }

    /// <summary>The time stamp at which its process was launched; the machine's clock is the same for all.</summary>
    public long LaunchedAt { get; init; }

    /// <summary>The size by which measurements are told apart.</summary>
    [JsonIgnore]
    public int Size => AtATime > 0 ? AtATime : Sagas;

    /// <summary>Without a database.</summary>
    public static SubjectTask Without(int sagas) => new() { ConnectionString = "", Owner = default, WarmUpOwner = default, Sagas = sagas };

    public static SubjectTask On(Dataset dataset, int sagas) => new()
    {
        ConnectionString = dataset.ConnectionString,
        Owner = dataset.Owner,
        WarmUpOwner = dataset.WarmUpOwner,
        WarmUpSagas = dataset.WarmUpSagas,
        Sagas = sagas,
    };
}

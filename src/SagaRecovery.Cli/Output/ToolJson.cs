using System.Text.Json.Serialization;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>The status as the database alone shows it, without a process.</summary>
internal sealed record StoreStatus(IReadOnlyList<CoordinatorDetails> Coordinators, SagaCounts Counts, ClusterDetails Cluster, ProblemList Problems);

/// <summary>The result of an operator action on the sagas of a filter.</summary>
/// <param name="Action">The word for the action.</param>
/// <param name="Matched">The number of sagas that matched.</param>
/// <param name="DryRun">True if nothing was to be changed.</param>
/// <param name="Done">The number of sagas on which the action took effect.</param>
/// <param name="AlreadyDone">The number of sagas that were as the action would make them.</param>
/// <param name="Refused">The sagas on which it did not.</param>
/// <param name="Sagas">The sagas of a dry run.</param>
internal sealed record BatchReport(
    string Action, int Matched, bool DryRun, int Done, int AlreadyDone, IReadOnlyList<SagaRefusal> Refused, IReadOnlyList<SagaId> Sagas);

/// <summary>The result of the schema check.</summary>
internal sealed record SchemaFindings(string Schema, int Version, IReadOnlyList<string> Differences);

/// <summary>The SQL script that creates the tables.</summary>
internal sealed record SchemaScript(string Schema, int Version, string Script);

/// <summary>The JSON of results that only the tool has, in the same format as <see cref="RecoveryReportJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    WriteIndented = true,
    Converters = [typeof(SagaIdConverter), typeof(CoordinatorIdConverter), typeof(IncarnationConverter), typeof(AdoptGenerationConverter)])]
[JsonSerializable(typeof(StoreStatus))]
[JsonSerializable(typeof(BatchReport))]
[JsonSerializable(typeof(SchemaFindings))]
[JsonSerializable(typeof(SchemaScript))]
internal sealed partial class ToolJson : JsonSerializerContext;

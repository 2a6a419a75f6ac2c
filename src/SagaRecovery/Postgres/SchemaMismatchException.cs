using System.Globalization;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The exception that is thrown when the tables are not those that this package works on.</summary>
/// <remarks>The message states the present and the required version, and the advice that fits.</remarks>
public sealed class SchemaMismatchException : IncompatibleStoreException
{
    private const int DifferencesShown = 5;

    internal SchemaMismatchException(string schema, SchemaState state, Exception? failedUpgrade = null)
        : base(Describe(schema, state, failedUpgrade), failedUpgrade)
    {
        Schema = schema;
        PresentVersion = state.Version;
        ReadableSince = state.ReadableSince;
        Differences = state.Differences;
    }

    /// <summary>The name of the database schema.</summary>
    public string Schema { get; }

    /// <summary>The version of the tables; 0 if there are none.</summary>
    public int PresentVersion { get; }

    /// <summary>The version of the tables that this package requires, which is <see cref="PostgresSchema.Version"/>.</summary>
    public int RequiredVersion { get; } = PostgresSchema.Version;

    /// <summary>The oldest schema version whose package works on the present tables; null if they do not state it.</summary>
    public int? ReadableSince { get; }

    /// <summary>The elements that are missing or different; empty if the versions alone rule this package out.</summary>
    public IReadOnlyList<string> Differences { get; }

    private static string Describe(string schema, SchemaState state, Exception? failedUpgrade)
    {
        string create = $"set {PostgresStoreOptions.SectionName}:{nameof(PostgresStoreOptions.CreateSchema)} to true";
        (string present, string advice) = state switch
        {
            { Version: 0 } => ("there are none", $"Create them: run 'saga-recovery schema apply' or the script that PostgresSchema.Script returns, or {create}."),
            { Version: < PostgresSchema.Version } => (
                Invariant($"they are at version {state.Version}"),
                Invariant($"Upgrade them: run 'saga-recovery schema apply' or the script that PostgresSchema.Script(\"{schema}\", from: {state.Version}) ")
                + $"returns, or {create}."),
            { IsReadable: false, ReadableSince: { } since } => (
                Invariant($"they are at version {state.Version}, which packages of version {since} and later can use"),
                Invariant($"Deploy a package that requires version {since} of the tables or a later one.")),
            { IsReadable: false } => (
                Invariant($"they are at version {state.Version}, and do not state which older packages can use them"),
                Invariant($"A newer version of the package created them: deploy one that requires version {state.Version} of the tables.")),
            _ => (
                Invariant($"they are at version {state.Version}, with differences: {List(state.Differences)}"),
                "Restore these elements: the script that PostgresSchema.Script returns has their definitions, and 'saga-recovery schema check' lists them."),
        };
        string failure = failedUpgrade is null ? "" : $" The attempt to do so failed: {failedUpgrade.Message}";
        return Invariant($"The tables in schema '{schema}' are not those that this package requires (version {PostgresSchema.Version}): {present}. {advice}{failure}");
    }

    private static string List(IReadOnlyList<string> differences)
    {
        string some = string.Join("; ", differences.Take(DifferencesShown));
        return differences.Count > DifferencesShown ? Invariant($"{some}; and {differences.Count - DifferencesShown} more") : some;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The tables as they are.</summary>
/// <param name="Version">Their version; 0 if there are none.</param>
/// <param name="ReadableSince">The oldest schema version whose package works on them; null if they do not state it.</param>
/// <param name="Differences">The elements that are missing or different; empty if they were not compared.</param>
internal sealed record SchemaState(int Version, int? ReadableSince, IReadOnlyList<string> Differences)
{
    /// <summary>A value that indicates if the package works on tables of this version.</summary>
    public bool IsReadable => Version == PostgresSchema.Version || (Version > PostgresSchema.Version && ReadableSince <= PostgresSchema.Version);

    public bool IsUsable => IsReadable && Differences.Count == 0;

    /// <summary>Returns one line for each difference from the tables that this package requires; empty if it can use them.</summary>
    public IReadOnlyList<string> Describe() => this switch
    {
        { Version: 0 } => ["there are none"],
        { IsReadable: true } => Differences,
        { Version: > PostgresSchema.Version, ReadableSince: { } since } =>
            [FormattableString.Invariant($"they are at version {Version}, readable since version {since}, and this package requires {PostgresSchema.Version}")],
        _ => [FormattableString.Invariant($"they are at version {Version}, and this package requires {PostgresSchema.Version}")],
    };
}

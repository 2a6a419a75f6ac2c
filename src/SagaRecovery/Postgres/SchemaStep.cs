using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace SagaRecovery.Postgres;

/// <summary>One step of the tables from a version to the next. Its script states all of it; docs/CONTRIBUTING.md has the rules.</summary>
/// <param name="Version">The version that the step leads to.</param>
/// <param name="ReadableSince">The oldest schema version whose package works on tables of that version.</param>
/// <param name="Locks">The present tables that the step changes or refers to. All of them are locked before the first change.</param>
/// <param name="Sql">The statements, with <c>{schema}</c> for the name of the schema.</param>
/// <param name="IsConcurrent">
/// True for a step of indexes: its statements run one by one, each without a transaction around it, and block no writer.
/// See <see cref="Split"/>.
/// </param>
internal sealed partial record SchemaStep(int Version, int ReadableSince, IReadOnlyList<string> Locks, string Sql, bool IsConcurrent = false)
{
    /// <summary>
    /// The time that a step waits for each of its locks. Writers queue behind a waiting step, and the step itself may wait behind a long
    /// reader, so a longer time would stop all sagas.
    /// </summary>
    public const string LockTimeout = "100ms";

    /// <summary>The prefix of the embedded scripts, and of the name of the lock that makes processes apply steps one after the other.</summary>
    public const string ResourcePrefix = "SagaRecovery.Postgres.Schema.";

    /// <summary>The first version whose row states <see cref="ReadableSince"/>.</summary>
    private const int FirstThatStatesRange = 8;

    private const string NoLocks = "none";
    private const string Concurrently = "concurrently";

    /// <summary>The steps of this package, in order.</summary>
    public static IReadOnlyList<SchemaStep> All { get; } = [.. Enumerable.Range(1, PostgresSchema.Version).Select(Read)];

    /// <summary>Returns the name of the lock that makes processes apply steps one after the other. Earlier packages take the same one.</summary>
    public static string LockName(string schema) => ResourcePrefix + schema;

    /// <summary>Begins the transaction that creates the tables.</summary>
    public static string BeginCreation(string schema) => $"""
        begin isolation level read committed;
        set local lock_timeout = '{LockTimeout}';
        select pg_advisory_xact_lock(hashtext('{LockName(schema)}'));

        """;

    /// <summary>Begins the transaction of this step: the timeout, the lock against other processes, and all table locks at once.</summary>
    /// <remarks>
    /// The order matters. Without the timeout first, a lock would queue writers for as long as a reader takes. Without the lock against
    /// other processes, two of them could each hold a table that the other one waits for. With the tables locked one by one between changes,
    /// a step would keep a changed table locked while it waits for the next. A role that may shorten <c>deadlock_timeout</c> does so: the
    /// server ends an autovacuum that blocks a lock only after that time, which is longer than the lock timeout by default.
    /// </remarks>
    public string Begin(string schema)
    {
        string tables = string.Join(", ", Locks.Select(table => $"{schema}.{table}"));
        return BeginCreation(schema) + $"""
            select set_config('deadlock_timeout', '50ms', true) where has_parameter_privilege('deadlock_timeout', 'set');
            lock table {tables} in access exclusive mode;

            """;
    }

    /// <summary>Fails unless the tables are at the version before this step. For a script, which cannot decide otherwise.</summary>
    public string Guard(string schema) => string.Create(CultureInfo.InvariantCulture, $"""
        do $guard$ begin
            if (select max(version) from {schema}.schema_version) is distinct from {Version - 1} then
                raise exception 'the tables in schema {schema} are not at version {Version - 1}, which this step upgrades';
            end if;
        end $guard$;

        """);

    /// <summary>Changes the tables and records the version, in one transaction.</summary>
    public string Apply(string schema)
    {
        string sql = IsConcurrent ? Sql.Replace(" concurrently ", " ", StringComparison.Ordinal) : Sql;
        return $"{Statements.Named(schema, sql)}\n{Record(schema)}";
    }

    /// <summary>Records the version.</summary>
    public string Record(string schema)
    {
        string applied = Version < FirstThatStatesRange
            ? $"(version) values ({Version})"
            : $"(version, readable_since) values ({Version}, {ReadableSince})";
        return $"insert into {schema}.schema_version {applied};\n";
    }

    /// <summary>Returns the statements of a concurrent step, in order. Each can be repeated after it has ended or failed.</summary>
    public IReadOnlyList<SchemaStatement> Split(string schema) =>
    [
        .. CommentRule().Replace(Statements.Named(schema, Sql), "")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(statement => new SchemaStatement(statement, IndexRule().Match(statement) is { Success: true } match ? match.Groups["name"].Value : null)),
    ];

    private static SchemaStep Read(int version)
    {
        string number = version.ToString("D4", CultureInfo.InvariantCulture);
        string name = Array.Find(
            Assembly.GetExecutingAssembly().GetManifestResourceNames(), name => name.StartsWith(ResourcePrefix + number, StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"The package contains no script for schema version {version}.");
        string sql = Resource(name[ResourcePrefix.Length..]);
        string locks = Header(sql, "Locks");
        return new SchemaStep(
            version,
            int.Parse(Header(sql, "Readable since"), CultureInfo.InvariantCulture),
            locks is NoLocks or Concurrently ? [] : locks.Split(", "),
            sql,
            IsConcurrent: locks is Concurrently);

        string Header(string text, string header) => HeaderRule().Matches(text).FirstOrDefault(match => match.Groups["name"].Value == header)
            is { } found ? found.Groups["value"].Value : throw new InvalidOperationException($"The script {name} has no line '-- {header}: …'.");
    }

    /// <summary>Returns the text of an embedded file.</summary>
    public static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(ResourcePrefix + name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("^-- (?<name>Readable since|Locks): (?<value>.+)$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex HeaderRule();

    [GeneratedRegex("^--.*$", RegexOptions.Multiline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CommentRule();

    [GeneratedRegex("^create (unique )?index concurrently if not exists (?<name>[a-z_]+) ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IndexRule();
}

/// <summary>A statement of a concurrent step.</summary>
/// <param name="Sql">Its text.</param>
/// <param name="Index">The name of the index that it creates, or null. If it fails, it leaves the index behind, invalid.</param>
internal sealed record SchemaStatement(string Sql, string? Index);

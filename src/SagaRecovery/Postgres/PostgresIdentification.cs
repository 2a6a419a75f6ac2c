using System.Globalization;
using Dapper;
using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Finds out what an id or another text identifies.</summary>
internal sealed class PostgresIdentification(PostgresDatabase database, SagaSearch search)
{
    /// <summary>The shortest beginning of a hash that is looked for.</summary>
    private const int MinHashDigits = 4;

    private const int HashDigits = 64;

    /// <summary>The shortest beginning of a saga's id that is looked for.</summary>
    private const int MinIdDigits = 8;

    private const int IdDigits = 32;

    /// <summary>The shortest part of a definition's name that is looked for.</summary>
    private const int MinNameLength = 3;

    /// <summary>The number of names that a part may find.</summary>
    private const int MaxNames = 10;

    private IdentifyStatements Sql => database.Identification;

    public Task<IReadOnlyList<IdMatch>> FindAsync(string text, CancellationToken cancellationToken) => search.WithinLimitAsync<IReadOnlyList<IdMatch>>(
        async (connection, token) =>
        {
            var query = new Query(this, connection, text, token);
            List<IdMatch> matches =
            [
                .. await query.FindByIdAsync().ConfigureAwait(false),
                .. await query.FindByIdPrefixAsync().ConfigureAwait(false),
                .. await query.FindByKeyAsync().ConfigureAwait(false),
                .. await query.FindByTagAsync().ConfigureAwait(false),
                .. await query.FindDefinitionsAsync().ConfigureAwait(false),
                .. await query.FindActionAsync().ConfigureAwait(false),
            ];
            return matches.Count <= IdMatch.MaxCount ? matches : matches[..IdMatch.MaxCount];
        },
        "It looks for ids, keys, tags and definitions. If you know which it is, ask for that alone, such as with 'sagas show' or 'sagas list --tag'.",
        cancellationToken);

    private sealed class Query(PostgresIdentification owner, NpgsqlConnection connection, string text, CancellationToken cancellationToken)
    {
        private IReadOnlyList<string>? _names;

        private IdentifyStatements Sql => owner.Sql;

        /// <summary>Finds the saga and the coordinator with an id, or the coordinator whose id was made from the text as a name.</summary>
        public async Task<IEnumerable<IdMatch>> FindByIdAsync()
        {
            IEnumerable<SagaSummary> sagas = await FindSagasAsync(Guid.TryParse(text, out Guid id) ? [id] : []).ConfigureAwait(false);
            IEnumerable<CoordinatorRow> coordinators = CoordinatorId.TryParse(text, provider: null, out CoordinatorId coordinator)
                ? await RunAsync<CoordinatorRow>(owner.Database.Operators.FindCoordinators, ("Ids", new[] { coordinator.Value })).ConfigureAwait(false)
                : [];
            return sagas.Select(saga => new IdMatch(IdKind.Saga, $"saga {IdMatch.Describe(saga)}", saga.Id))
                .Concat(coordinators.Select(row => new IdMatch(IdKind.Coordinator, IdMatch.Describe(row.ToDetails()))));
        }

        /// <summary>Finds the sagas of whose id the text is the beginning, with or without dashes.</summary>
        public async Task<IEnumerable<IdMatch>> FindByIdPrefixAsync()
        {
            string digits = text.Replace("-", "", StringComparison.Ordinal);
            if (digits.Length is < MinIdDigits or >= IdDigits || !digits.All(char.IsAsciiHexDigit))
            {
                return [];
            }

            Guid from = Guid.ParseExact(digits.PadRight(IdDigits, '0'), "N");
            if (text != digits && !from.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase))
            {
                return []; // its dashes are not those of an id
            }

            Guid[] ids = [.. await RunAsync<Guid>(Sql.FindIds, ("From", from), ("To", Guid.ParseExact(digits.PadRight(IdDigits, 'f'), "N"))).ConfigureAwait(false)];
            return (await FindSagasAsync(ids).ConfigureAwait(false)).Select(saga => new IdMatch(IdKind.Saga, $"saga {IdMatch.Describe(saga)}", saga.Id));
        }

        /// <summary>Finds the sagas of which the text is the start key: their ids follow from it and the name of each definition.</summary>
        public async Task<IEnumerable<IdMatch>> FindByKeyAsync()
        {
            Guid[] ids = [.. (await ListNamesAsync().ConfigureAwait(false)).Where(name => name.Length > 0).Select(name => SagaId.FromKey(name, text).Value)];
            return (await FindSagasAsync(ids).ConfigureAwait(false))
                .Select(saga => new IdMatch(IdKind.StartKey, $"start key of saga {IdMatch.Describe(saga)}", saga.Id));
        }

        /// <summary>Finds the sagas of which the text is a tag or the value of one.</summary>
        public async Task<IEnumerable<IdMatch>> FindByTagAsync()
        {
            List<IdMatch> matches = [];
            if (SagaTag.TryParse(text, out SagaTag? tag))
            {
                SagaFilter filter = new() { Tags = [tag], Limit = IdMatch.MaxCount };
                foreach (SagaSummary saga in await owner.Search.ListAsync(connection, filter, cancellationToken).ConfigureAwait(false))
                {
                    matches.Add(new IdMatch(IdKind.Tag, $"tag of saga {IdMatch.Describe(saga)}", saga.Id));
                }
            }

            TagRow[] rows = [.. await RunAsync<TagRow>(Sql.FindTagValues, ("Text", text)).ConfigureAwait(false)];
            Dictionary<Guid, SagaSummary> sagas =
                (await FindSagasAsync([.. rows.Select(row => row.SagaId).Distinct()]).ConfigureAwait(false)).ToDictionary(saga => saga.Id.Value);
            matches.AddRange(rows.Where(row => sagas.ContainsKey(row.SagaId)).Select(row => new IdMatch(
                IdKind.Tag, $"value of tag '{PlainText.OneLine(row.Name, longest: 80)}' of saga {IdMatch.Describe(sagas[row.SagaId])}", new SagaId(row.SagaId))));
            return matches;
        }

        /// <summary>Finds the definitions with the text as their name, as a part of it, or as the beginning of their hash.</summary>
        public async Task<IEnumerable<IdMatch>> FindDefinitionsAsync()
        {
            IEnumerable<string> names = text.Length < MinNameLength ? [] : (await ListNamesAsync().ConfigureAwait(false))
                .Where(name => name != text && name.Contains(text, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).Take(MaxNames);
            IEnumerable<DefinitionRow> rows = await RunAsync<DefinitionRow>(Sql.FindDefinitions, ("Names", names.Prepend(text).ToArray())).ConfigureAwait(false);
            if (text.Length is >= MinHashDigits and <= HashDigits && text.All(char.IsAsciiHexDigit))
            {
                byte[] from = Convert.FromHexString(text.PadRight(HashDigits, '0'));
                byte[] to = Convert.FromHexString(text.PadRight(HashDigits, 'f'));
                rows = rows.Concat(await RunAsync<DefinitionRow>(Sql.FindHashes, ("From", from), ("To", to)).ConfigureAwait(false));
            }

            return rows.Select(row => new IdMatch(
                IdKind.Definition, string.Create(CultureInfo.InvariantCulture, $"definition {PlainText.OneLine(row.Name)}, version {row.Version}, hash {row.Hash}")) { Definition = row.Name });
        }

        public async Task<IEnumerable<IdMatch>> FindActionAsync()
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            {
                return [];
            }

            IEnumerable<OperatorActionRow> rows = await RunAsync<OperatorActionRow>(Sql.FindAction, ("Number", number)).ConfigureAwait(false);
            return rows.Select(row => new IdMatch(
                IdKind.OperatorAction,
                $"operator action {number}: {row.Action}{(row.SagaId is { } saga ? $" of saga {saga}" : row.Coordinator is { } id ? $" of coordinator {id}" : "")} "
                    + $"at {PlainText.Time(new DateTimeOffset(row.Time))} by {PlainText.OneLine(row.Actor)}: {PlainText.OneLine(row.Reason)}",
                row.SagaId is { } sagaId ? new SagaId(sagaId) : null));
        }

        /// <summary>Lists the names of the definitions, once for the whole search.</summary>
        private async Task<IReadOnlyList<string>> ListNamesAsync() => _names ??= [.. await RunAsync<string>(Sql.ListNames).ConfigureAwait(false)];

        private async Task<IEnumerable<SagaSummary>> FindSagasAsync(Guid[] ids) => ids.Length == 0
            ? []
            : (await RunAsync<ActionRow>(owner.Database.Actions.Find, ("Ids", ids)).ConfigureAwait(false)).Select(row => row.ToSummary());

        private Task<IEnumerable<T>> RunAsync<T>(string statement, params (string Name, object Value)[] values)
        {
            DynamicParameters parameters = owner.Search.NewParameters();
            foreach ((string name, object value) in values)
            {
                parameters.Add(name, value);
            }

            return SagaSearch.QueryAsync<T>(connection, statement, parameters, cancellationToken);
        }
    }

    private PostgresDatabase Database => database;

    private SagaSearch Search => search;

    private sealed record DefinitionRow
    {
        public required string Hash { get; init; }

        public required string Name { get; init; }

        public int Version { get; init; }
    }

    private sealed record TagRow
    {
        public required string Name { get; init; }

        public Guid SagaId { get; init; }
    }

    private sealed record OperatorActionRow
    {
        public required string Action { get; init; }

        public DateTime Time { get; init; }

        public required string Actor { get; init; }

        public required string Reason { get; init; }

        public Guid? SagaId { get; init; }

        public Guid? Coordinator { get; init; }
    }
}

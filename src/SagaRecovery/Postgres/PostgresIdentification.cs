using System.Globalization;
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
            List<CoordinatorDetails> coordinators = CoordinatorId.TryParse(text, provider: null, out CoordinatorId coordinator)
                ? await RunAsync(owner.Database.Operators.FindCoordinators, NewParameters().With<Guid[]>("Ids", [coordinator.Value]), OperatorRows.Coordinator).ConfigureAwait(false)
                : [];
            return sagas.Select(saga => new IdMatch(IdKind.Saga, $"saga {IdMatch.Describe(saga)}", saga.Id))
                .Concat(coordinators.Select(row => new IdMatch(IdKind.Coordinator, IdMatch.Describe(row))));
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

            NamedParameters range = NewParameters().With("From", from).With("To", Guid.ParseExact(digits.PadRight(IdDigits, 'f'), "N"));
            List<Guid> ids = await RunAsync(Sql.FindIds, range, row => row.GetGuid(0)).ConfigureAwait(false);
            return (await FindSagasAsync([.. ids]).ConfigureAwait(false)).Select(saga => new IdMatch(IdKind.Saga, $"saga {IdMatch.Describe(saga)}", saga.Id));
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

            List<(string Name, Guid SagaId)> rows = await RunAsync(
                Sql.FindTagValues, NewParameters().With("Text", text), row => (row.Get<string>("Name"), row.Get<Guid>("SagaId"))).ConfigureAwait(false);
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
            List<IdMatch> matches = await RunAsync(Sql.FindDefinitions, NewParameters().With("Names", names.Prepend(text).ToArray()), ToDefinition).ConfigureAwait(false);
            if (text.Length is >= MinHashDigits and <= HashDigits && text.All(char.IsAsciiHexDigit))
            {
                byte[] from = Convert.FromHexString(text.PadRight(HashDigits, '0'));
                byte[] to = Convert.FromHexString(text.PadRight(HashDigits, 'f'));
                matches.AddRange(await RunAsync(Sql.FindHashes, NewParameters().With("From", from).With("To", to), ToDefinition).ConfigureAwait(false));
            }

            return matches;
        }

        public async Task<IEnumerable<IdMatch>> FindActionAsync()
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            {
                return [];
            }

            return await RunAsync(Sql.FindAction, NewParameters().With("Number", number), ToAction).ConfigureAwait(false);
        }

        /// <summary>Lists the names of the definitions, once for the whole search.</summary>
        private async Task<IReadOnlyList<string>> ListNamesAsync() => _names ??= await RunAsync(Sql.ListNames, NewParameters(), row => row.GetString(0)).ConfigureAwait(false);

        private async Task<IEnumerable<SagaSummary>> FindSagasAsync(Guid[] ids) => ids.Length == 0
            ? []
            : await RunAsync(owner.Database.Actions.Find, NewParameters().With("Ids", ids), OperatorRows.Summary).ConfigureAwait(false);

        private NamedParameters NewParameters() => owner.Search.NewParameters();

        private Task<List<T>> RunAsync<T>(string statement, NamedParameters parameters, Func<NpgsqlDataReader, T> read) =>
            SagaSearch.QueryAsync(connection, statement, parameters, read, cancellationToken);
    }

    private PostgresDatabase Database => database;

    private SagaSearch Search => search;

    private static IdMatch ToDefinition(NpgsqlDataReader row)
    {
        string name = row.Get<string>("Name");
        return new IdMatch(
            IdKind.Definition,
            string.Create(CultureInfo.InvariantCulture, $"definition {PlainText.OneLine(name)}, version {row.Get<int>("Version")}, hash {row.Get<string>("Hash")}"))
        {
            Definition = name,
        };
    }

    private static IdMatch ToAction(NpgsqlDataReader row)
    {
        Guid? saga = row.FindValue<Guid>("SagaId");
        string of = saga is not null ? $" of saga {saga}" : row.FindValue<Guid>("Coordinator") is { } coordinator ? $" of coordinator {coordinator}" : "";
        return new IdMatch(
            IdKind.OperatorAction,
            $"operator action {row.Get<long>("Number")}: {row.Get<string>("Action")}{of} at {PlainText.Time(row.Time("Time"))} "
                + $"by {PlainText.OneLine(row.Get<string>("Actor"))}: {PlainText.OneLine(row.Get<string>("Reason"))}",
            saga is { } id ? new SagaId(id) : null);
    }
}

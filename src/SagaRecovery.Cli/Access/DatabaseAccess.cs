using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>Access directly through Postgres. No process of the service needs to be running.</summary>
internal sealed class DatabaseAccess : ISagaAccess
{
    private const string AtNextPass = " It takes effect at the owner's next pass; run 'activate' against the service to start one now.";

    private readonly ServiceProvider _services;
    private readonly Deadline _deadline;
    private readonly TimeProvider _time;
    private volatile bool _isReadable;

    private DatabaseAccess(ServiceProvider services, Deadline deadline, TimeProvider time)
    {
        _time = time;
        _services = services;
        _deadline = deadline;
    }

    public string Target => _deadline.Target;

    private ISagaOperations Operations => _services.GetRequiredService<ISagaOperations>();

    private ISagaCluster Cluster => _services.GetRequiredService<ISagaCluster>();

    private ISagaRetention Retention => _services.GetRequiredService<ISagaRetention>();

    private ISagaProblems Problems => _services.GetRequiredService<ISagaProblems>();

    private PostgresSchema Schema => _services.GetRequiredService<PostgresSchema>();

    public static DatabaseAccess Open(string connectionString, string schema, TimeSpan timeout, TimeProvider time, Action<string> note)
    {
        NpgsqlConnectionStringBuilder settings = Parse(connectionString);
        settings.Timeout = (int)Math.Clamp(Math.Ceiling(timeout.TotalSeconds), 1, 1024);
        settings.CommandTimeout = 0; // the deadline below applies instead
        settings.ApplicationName ??= "saga-recovery";
        settings.Pooling = false;
        ServiceProvider services = new ServiceCollection()
            .AddSingleton(_ => NpgsqlDataSource.Create(settings))
            .AddSingleton<ILogger<PostgresSchema>>(new SchemaNotes(note))
            .AddSagaOperations(options =>
            {
                options.Schema = schema;
                options.QueryTimeout = timeout < TimeSpan.FromHours(1) ? timeout * 0.8 : TimeSpan.FromHours(1); // the error that says what to narrow must arrive before the deadline
                options.SchemaLockTimeout = timeout / 2; // the error that names the blocking sessions must arrive before the deadline
            })
            .BuildServiceProvider();
        string target = string.Create(CultureInfo.InvariantCulture, $"database '{settings.Database}' on {settings.Host}:{settings.Port}");
        return new DatabaseAccess(services, new Deadline(timeout, target, time), time);
    }

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) =>
        ReadAsync(token => Operations.ListAsync(filter, token), cancellationToken);

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ReadAsync(token => Operations.FindAsync(sagaId, token), cancellationToken);

    public Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ReadAsync(
            async token =>
            {
                SagaDetails? saga = await Operations.FindAsync(sagaId, token).ConfigureAwait(false);
                DefinitionList? definitions = saga?.Summary.State is SagaState.Running or SagaState.Unwinding
                    ? await _services.GetRequiredService<ISagaDefinitions>().ListAsync(token).ConfigureAwait(false)
                    : null;
                return SagaVerdicts.OfRowAlone(sagaId, saga, definitions);
            },
            cancellationToken);

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        ReadAsync(Operations.ListCoordinatorsAsync, cancellationToken);

    public Task<SagaCounts> CountAsync(CancellationToken cancellationToken) =>
        ReadAsync(token => SagaCounts.ReadAsync(Operations, _time, token), cancellationToken);

    public Task<IReadOnlyList<IdMatch>> IdentifyAsync(string text, CancellationToken cancellationToken) =>
        ReadAsync(token => Operations.IdentifyAsync(text, token), cancellationToken);

    public Task<SagaBatchResponse> PerformAsync(OperatorActionKind kind, SagaBatchRequest request, CancellationToken cancellationToken)
    {
        var note = new OperatorNote(request.Actor ?? "", request.Reason);
        return PerformAsync(
            async token => SagaBatchResponse.Of(
                kind,
                request.Sagas,
                await (kind is OperatorActionKind.Reassign
                    ? Cluster.ReassignAsync(request.Sagas, new ChosenRecipients(request.To ?? []) { EvenIfOwnersAnswer = request.Force }, note, token)
                    : Operations.PerformAsync(request.ToAction(kind, note), request.Sagas, token)).ConfigureAwait(false)),
            cancellationToken);
    }

    public Task<DefinitionList> ListDefinitionsAsync(CancellationToken cancellationToken) =>
        ReadAsync(_services.GetRequiredService<ISagaDefinitions>().ListAsync, cancellationToken);

    public Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken) => ReadAsync(
        async token => ClusterDetails.Of(await Cluster.QueryUnfinishedAsync(token).ConfigureAwait(false), _time.GetUtcNow()), cancellationToken);

    /// <summary>Lists the problems of the whole store. Those that only a process knows, such as sagas that fail to resume, are not among them.</summary>
    public Task<ProblemList> ListProblemsAsync(CancellationToken cancellationToken) =>
        ReadAsync(token => Problems.ListAsync([], owners: null, token), cancellationToken);

    public async Task<Problem> AcknowledgeAsync(string id, OperatorActionRequest request, CancellationToken cancellationToken) =>
        await PerformAsync(token => Problems.AcknowledgeAsync(id, [], ToNote(request), token), cancellationToken).ConfigureAwait(false)
            ?? throw new ToolException(ExitCode.NotFound, $"{ProblemListText.DescribeMissing(id)} A problem that only a process knows is acknowledged with --url.");

    public async Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken)
    {
        var note = new OperatorNote(request.Actor ?? "", request.Reason);
        var action = new ReassignAction(Operations, Cluster, _time);
        ReassignResponse response = await PerformAsync(token => action.PerformAsync(from, request, note, token), cancellationToken).ConfigureAwait(false);
        return request.Wait > 0 && response.Receipts.Count > 0
            ? await action.WaitAsync(response, TimeSpan.FromSeconds(request.Wait), cancellationToken).ConfigureAwait(false)
            : response;
    }

    public async Task<OperatorActionResponse> PerformAsync(
        OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken)
    {
        OperatorNote note = ToNote(request);
        OperatorActionCondition condition = request.ToCondition();
        OperatorActionResult result = await PerformAsync(
            token => kind switch
            {
                OperatorActionKind.Hold when request.StopRun => Operations.SuspendAsync(sagaId, note, token),
                OperatorActionKind.Hold => Operations.HoldAsync(sagaId, note, token),
                OperatorActionKind.Cancel => Operations.CancelAsync(sagaId, note, token),
                OperatorActionKind.Release => Operations.ReleaseAsync(sagaId, note, token),
                OperatorActionKind.Abandon => Operations.AbandonAsync(sagaId, condition, note, token),
                OperatorActionKind.InjectError => Operations.InjectErrorAsync(sagaId, request.Node ?? "", condition, note, token),
                OperatorActionKind.RetryUndo => Operations.RetryUndoAsync(sagaId, condition, note, token),
                OperatorActionKind.SkipUndo => Operations.SkipUndoAsync(sagaId, request.Node ?? "", condition, note, token),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
            },
            cancellationToken).ConfigureAwait(false);
        OperatorActionResponse response = OperatorActionResponse.Of(kind, sagaId, result);
        bool needsPass = kind is OperatorActionKind.Release or OperatorActionKind.InjectError or OperatorActionKind.RetryUndo or OperatorActionKind.SkipUndo;
        return result is OperatorActionResult.Done && needsPass
            ? response with { Message = $"{response.Message}.{AtNextPass}" }
            : response;
    }

    public async Task<OperatorActionResponse> PerformAsync(
        OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken)
    {
        CoordinatorId target = coordinator ?? throw new ToolException(
            ExitCode.Usage, "With --connection, name the coordinator: pass --coordinator ID (run 'coordinators list' to see the ids).");
        IReadOnlyList<CoordinatorDetails> known = await ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        if (!known.Any(details => details.Id == target))
        {
            throw new ToolException(ExitCode.NotFound, $"No coordinator {target} has ever joined: run 'coordinators list' to see those that have.");
        }

        OperatorNote note = ToNote(request);
        await PerformAsync(
            async token =>
            {
                Task change = kind == OperatorActionKind.Pause ? Operations.PauseAsync(target, note, token) : Operations.ResumeAsync(target, note, token);
                await change.ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return new OperatorActionResponse(OperatorActionStatus.Done, $"{SagaNames.Of(kind)}: done, coordinator {target}.{AtNextPass}");
    }

    /// <summary>Invalidates every join so far, which fences all running processes.</summary>
    /// <returns>The number of coordinators whose joins were revoked.</returns>
    public Task<int> RevokeJoinsAsync(OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync(token => Operations.RevokeJoinsAsync(ToNote(request), token), cancellationToken);

    /// <summary>The file that sagas are exported to before they are deleted; null for none.</summary>
    public FileArchive? Archive { get; set; }

    public Task<PurgeResponse> PurgeAsync(PurgeRequest request, CancellationToken cancellationToken)
    {
        var purge = new PurgeAction(Retention, Archive, _time) { Budget = _deadline.Limit / 3 };
        return PerformAsync(token => purge.PerformAsync(request, new OperatorNote(request.Actor ?? "", request.Reason), token), cancellationToken);
    }

    public async Task<OperatorActionResponse> ForgetAsync(CoordinatorId coordinator, OperatorActionRequest request, CancellationToken cancellationToken) =>
        RetentionOperator.Describe(coordinator, await PerformAsync(
            token => Retention.ForgetCoordinatorAsync(coordinator, ToNote(request), token), cancellationToken).ConfigureAwait(false));

    /// <summary>Inserts an ended saga from an archive.</summary>
    /// <returns>False if a saga with its id exists.</returns>
    public Task<bool> ImportAsync(ArchivedSaga saga, OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync(token => Retention.ImportAsync(saga, ToNote(request), token), cancellationToken);

    /// <summary>Compares the tables with the schema of this version.</summary>
    public Task<SchemaState> InspectSchemaAsync(CancellationToken cancellationToken) =>
        _deadline.RunAsync(Schema.InspectAsync, unansweredNote: "", cancellationToken);

    /// <summary>
    /// Creates or updates the tables. The time limit applies to the wait for locks; the build of an index on a large table takes as long as it takes.
    /// </summary>
    /// <exception cref="ToolException">Other sessions kept the tables locked.</exception>
    public async Task ApplySchemaAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Schema.CreateAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException locked)
        {
            throw new ToolException(ExitCode.Failed, $"{locked.Message} --timeout extends the attempts.", locked);
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private Task<T> ReadAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken) =>
        _deadline.RunAsync(OnReadableTables(read), unansweredNote: "", cancellationToken);

    private Task<T> PerformAsync<T>(Func<CancellationToken, Task<T>> perform, CancellationToken cancellationToken) =>
        _deadline.RunAsync(OnReadableTables(perform), Deadline.OutcomeUnknown, cancellationToken);

    /// <summary>Checks before the first request that this tool works on tables of the present version.</summary>
    private Func<CancellationToken, Task<T>> OnReadableTables<T>(Func<CancellationToken, Task<T>> request) => async token =>
    {
        if (!_isReadable)
        {
            await Schema.EnsureReadableAsync(token).ConfigureAwait(false);
            _isReadable = true;
        }

        return await request(token).ConfigureAwait(false);
    };

    private static OperatorNote ToNote(OperatorActionRequest request) => new(request.Actor ?? "", request.Reason);

    private static NpgsqlConnectionStringBuilder Parse(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            throw new ToolException(ExitCode.Usage, $"The connection string is not valid: {exception.Message}", exception);
        }
    }
}

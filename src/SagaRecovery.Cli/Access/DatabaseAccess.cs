using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>Straight to Postgres, where no process of the service needs to live.</summary>
internal sealed class DatabaseAccess : ISagaAccess
{
    private const string AtNextPass = " Its owner's next pass sees it; 'activate' at the service makes that now.";

    private readonly ServiceProvider _services;
    private readonly Deadline _patience;
    private readonly TimeProvider _time;

    private DatabaseAccess(ServiceProvider services, Deadline deadline, TimeProvider time)
    {
        _time = time;
        _services = services;
        _patience = deadline;
    }

    public string Where => _patience.Whom;

    private ISagaOperations Operations => _services.GetRequiredService<ISagaOperations>();

    private ISagaCluster Cluster => _services.GetRequiredService<ISagaCluster>();

    private PostgresSchema Schema => _services.GetRequiredService<PostgresSchema>();

    public static DatabaseAccess Open(string connectionString, string schema, TimeSpan timeout, TimeProvider time)
    {
        NpgsqlConnectionStringBuilder settings = Read(connectionString);
        settings.Timeout = (int)Math.Clamp(Math.Ceiling(timeout.TotalSeconds), 1, 1024);
        settings.CommandTimeout = 0; // ours counts
        settings.ApplicationName ??= "saga-recovery";
        settings.Pooling = false;
        ServiceProvider services = new ServiceCollection()
            .AddSingleton(_ => NpgsqlDataSource.Create(settings))
            .AddSagaOperations(options => options.Schema = schema)
            .BuildServiceProvider();
        string where = string.Create(CultureInfo.InvariantCulture, $"database '{settings.Database}' on {settings.Host}:{settings.Port}");
        return new DatabaseAccess(services, new Deadline(timeout, where, time), time);
    }

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) =>
        ReadViewAsync(token => Operations.ListAsync(filter, token), cancellationToken);

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ReadViewAsync(token => Operations.FindAsync(sagaId, token), cancellationToken);

    public Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ReadViewAsync(async token => SagaVerdicts.OfRowAlone(sagaId, await Operations.FindAsync(sagaId, token).ConfigureAwait(false)), cancellationToken);

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        ReadViewAsync(Operations.ListCoordinatorsAsync, cancellationToken);

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) =>
        ReadViewAsync(Operations.CountAsync, cancellationToken);

    public Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken) => ReadViewAsync(
        async token => ClusterDetails.Of(await Cluster.CountUnfinishedAsync(token).ConfigureAwait(false), _time.GetUtcNow()), cancellationToken);

    public async Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken)
    {
        var note = new OperatorNote(request.Actor ?? "", request.Reason);
        var kind = new ReassignAction(Operations, Cluster, _time);
        ReassignResponse answer = await PerformAsync(token => kind.PerformAsync(from, request, note, token), cancellationToken).ConfigureAwait(false);
        return request.Wait > 0 && answer.Receipts.Count > 0
            ? await kind.WaitAsync(answer, TimeSpan.FromSeconds(request.Wait), cancellationToken).ConfigureAwait(false)
            : answer;
    }

    public async Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken)
    {
        OperatorNote note = NoteOf(request);
        OperatorActionCondition condition = request.ToCondition();
        OperatorActionResult outcome = await PerformAsync(
            token => kind switch
            {
                OperatorActionKind.Hold => Operations.HoldAsync(sagaId, note, token),
                OperatorActionKind.Release => Operations.ReleaseAsync(sagaId, note, token),
                OperatorActionKind.Abandon => Operations.AbandonAsync(sagaId, condition, note, token),
                OperatorActionKind.InjectError => Operations.InjectErrorAsync(sagaId, request.Node ?? "", condition, note, token),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
            },
            cancellationToken).ConfigureAwait(false);
        OperatorActionResponse answer = OperatorActionResponse.Of(kind, sagaId, outcome);
        return outcome is OperatorActionResult.Done && kind is OperatorActionKind.Release or OperatorActionKind.InjectError
            ? answer with { Message = $"{answer.Message}.{AtNextPass}" }
            : answer;
    }

    public async Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken)
    {
        CoordinatorId whose = coordinator ?? throw new RefusalException(
            ExitCode.Usage, "Straight on the database there is no process to ask, so say whose recovery it is: --coordinator ID ('coordinators list' has them).");
        IReadOnlyList<CoordinatorDetails> known = await ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        if (!known.Any(details => details.Id == whose))
        {
            throw new RefusalException(ExitCode.NotFound, $"No coordinator {whose} has ever joined: 'coordinators list' has those that have.");
        }

        OperatorNote note = NoteOf(request);
        await PerformAsync(
            async token =>
            {
                await (kind == OperatorActionKind.Pause ? Operations.PauseAsync(whose, note, token) : Operations.ResumeAsync(whose, note, token)).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return new OperatorActionResponse(OperatorActionStatus.Done, $"{SagaNames.Of(kind)}: done, coordinator {whose}.{AtNextPass}");
    }

    /// <summary>Makes every join up to now worthless.</summary>
    /// <returns>How many coordinators that concerns.</returns>
    public Task<int> RevokeJoinsAsync(OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync(token => Operations.RevokeJoinsAsync(NoteOf(request), token), cancellationToken);

    /// <summary>What differs from the tables that this version needs.</summary>
    public Task<IReadOnlyList<string>> CheckSchemaAsync(CancellationToken cancellationToken) => ReadViewAsync(Schema.CheckAsync, cancellationToken);

    /// <summary>Creates the tables, or brings them up to date.</summary>
    public Task ApplySchemaAsync(CancellationToken cancellationToken) => PerformAsync(
        async token =>
        {
            await Schema.CreateAsync(token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private Task<T> ReadViewAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken) =>
        _patience.AskAsync(ask, unanswered: "", cancellationToken);

    private Task<T> PerformAsync<T>(Func<CancellationToken, Task<T>> perform, CancellationToken cancellationToken) =>
        _patience.AskAsync(perform, Deadline.OutcomeUnknown, cancellationToken);

    private static OperatorNote NoteOf(OperatorActionRequest request) => new(request.Actor ?? "", request.Reason);

    private static NpgsqlConnectionStringBuilder Read(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException)
        {
            throw new RefusalException(ExitCode.Usage, $"This is not a connection string: {wrong.Message}", wrong);
        }
    }
}

using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Coordinators;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Access;

/// <summary>Straight to Postgres, where no process of the service needs to live.</summary>
internal sealed class DatabaseAccess : ISagaAccess
{
    private const string AtNextPass = " Its owner's next pass sees it; 'activate' at the service makes that now.";

    private readonly ServiceProvider _services;
    private readonly Patience _patience;
    private readonly TimeProvider _time;

    private DatabaseAccess(ServiceProvider services, Patience patience, TimeProvider time)
    {
        _time = time;
        _services = services;
        _patience = patience;
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
        return new DatabaseAccess(services, new Patience(timeout, where, time), time);
    }

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) =>
        LookAsync(token => Operations.ListAsync(filter, token), cancellationToken);

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        LookAsync(token => Operations.FindAsync(sagaId, token), cancellationToken);

    public Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        LookAsync(async token => SagaVerdicts.OfRowAlone(sagaId, await Operations.FindAsync(sagaId, token).ConfigureAwait(false)), cancellationToken);

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        LookAsync(Operations.ListCoordinatorsAsync, cancellationToken);

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) =>
        LookAsync(Operations.CountAsync, cancellationToken);

    public Task<ClusterDetails> LookAtClusterAsync(CancellationToken cancellationToken) => LookAsync(
        async token => ClusterDetails.Of(await Cluster.CountUnfinishedAsync(token).ConfigureAwait(false), _time.GetUtcNow()), cancellationToken);

    public async Task<ReassignAnswer> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken)
    {
        var note = new OperatorNote(request.Actor ?? "", request.Reason);
        var lever = new ReassignLever(Operations, Cluster, _time);
        ReassignAnswer answer = await PullAsync(token => lever.PullAsync(from, request, note, token), cancellationToken).ConfigureAwait(false);
        return request.Wait > 0 && answer.Receipts.Count > 0
            ? await lever.WaitAsync(answer, TimeSpan.FromSeconds(request.Wait), cancellationToken).ConfigureAwait(false)
            : answer;
    }

    public async Task<LeverAnswer> PullAsync(Lever lever, SagaId sagaId, LeverRequest request, CancellationToken cancellationToken)
    {
        OperatorNote note = NoteOf(request);
        LeverCondition condition = request.ToCondition();
        LeverOutcome outcome = await PullAsync(
            token => lever switch
            {
                Lever.Hold => Operations.HoldAsync(sagaId, note, token),
                Lever.Release => Operations.ReleaseAsync(sagaId, note, token),
                Lever.Abandon => Operations.AbandonAsync(sagaId, condition, note, token),
                Lever.InjectError => Operations.InjectErrorAsync(sagaId, request.Node ?? "", condition, note, token),
                _ => throw new ArgumentOutOfRangeException(nameof(lever), lever, message: null),
            },
            cancellationToken).ConfigureAwait(false);
        LeverAnswer answer = LeverAnswer.Of(lever, sagaId, outcome);
        return outcome is LeverOutcome.Done && lever is Lever.Release or Lever.InjectError
            ? answer with { Message = $"{answer.Message}.{AtNextPass}" }
            : answer;
    }

    public async Task<LeverAnswer> PullAsync(Lever lever, CoordinatorId? coordinator, LeverRequest request, CancellationToken cancellationToken)
    {
        CoordinatorId whose = coordinator ?? throw new RefusalException(
            ExitCode.Usage, "Straight on the database there is no process to ask, so say whose recovery it is: --coordinator ID ('coordinators list' has them).");
        IReadOnlyList<CoordinatorDetails> known = await ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        if (!known.Any(details => details.Id == whose))
        {
            throw new RefusalException(ExitCode.NotFound, $"No coordinator {whose} has ever joined: 'coordinators list' has those that have.");
        }

        OperatorNote note = NoteOf(request);
        await PullAsync(
            async token =>
            {
                await (lever == Lever.Pause ? Operations.PauseAsync(whose, note, token) : Operations.ResumeAsync(whose, note, token)).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return new LeverAnswer(LeverResult.Done, $"{SagaWords.Of(lever)}: done, coordinator {whose}.{AtNextPass}");
    }

    /// <summary>Makes every join up to now worthless.</summary>
    /// <returns>How many coordinators that concerns.</returns>
    public Task<int> RevokeJoinsAsync(LeverRequest request, CancellationToken cancellationToken) =>
        PullAsync(token => Operations.RevokeJoinsAsync(NoteOf(request), token), cancellationToken);

    /// <summary>What differs from the tables that this version needs.</summary>
    public Task<IReadOnlyList<string>> CheckSchemaAsync(CancellationToken cancellationToken) => LookAsync(Schema.CheckAsync, cancellationToken);

    /// <summary>Creates the tables, or brings them up to date.</summary>
    public Task ApplySchemaAsync(CancellationToken cancellationToken) => PullAsync(
        async token =>
        {
            await Schema.CreateAsync(token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private Task<T> LookAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken) =>
        _patience.AskAsync(ask, unanswered: "", cancellationToken);

    private Task<T> PullAsync<T>(Func<CancellationToken, Task<T>> pull, CancellationToken cancellationToken) =>
        _patience.AskAsync(pull, Patience.OutcomeUnknown, cancellationToken);

    private static OperatorNote NoteOf(LeverRequest request) => new(request.Actor ?? "", request.Reason);

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

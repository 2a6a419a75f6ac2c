using System.Data.Common;
using System.Text.Json;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>
/// A check of the two duties that recovery after a crash relies on: actions and undos must be idempotent, and undos must reverse all
/// effects of their actions.
/// </summary>
/// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
/// <remarks>
/// <para>
/// The check runs the saga on the real executor with an in-memory log, many times: with each action run twice, with each node failing,
/// and with each undo run twice. It compares the state after the runs line by line and reports each difference with the name of the
/// action or undo.
/// </para>
/// <para>
/// A node with <see cref="NodePolicy.UndoAfterFailure"/> fails twice more without a definite answer, before and after it has taken effect:
/// its undo must bear both.
/// </para>
/// <para>
/// Of a transactional node, an action or undo that has been committed does not run again, so to repeat it changes nothing. What it does elsewhere than in
/// its transaction is not checked.
/// </para>
/// <para>
/// A saga of N nodes takes about 4 N + 2 sequential runs. All runs have the same saga id and therefore the same idempotency keys. A node
/// that must fail waits until every node that does not come after it has succeeded, so that parallel branches do not make the result
/// random. An instance can run the check repeatedly, but not concurrently, because the runs share one state.
/// </para>
/// </remarks>
public sealed record IdempotencyCheck<TParameters>
{
    /// <summary>The saga to check, with the real dependencies of its actions.</summary>
    public required Saga<TParameters> Saga { get; init; }

    /// <summary>The parameters of the saga. The saga must succeed with them when no fault is injected.</summary>
    public required TParameters Parameters { get; init; }

    /// <summary>A callback that reads the state that actions and undos change, as lines in any order.</summary>
    /// <remarks>
    /// A line can be a row of the saga's tables, for example. Leave out timestamps and sequence numbers, which differ between runs.
    /// Include data of other owners if possible, because the saga must not change it.
    /// </remarks>
    public required Func<CancellationToken, Task<IEnumerable<string>>> State { get; init; }

    /// <summary>A callback that restores the initial state before each run.</summary>
    /// <remarks>
    /// It must remove the effects of earlier runs and prepare what the saga needs, including events that a node waits for.
    /// <see cref="SagaId"/> identifies the saga for that.
    /// </remarks>
    public required Func<CancellationToken, Task> Reset { get; init; }

    /// <summary>The id of the saga in every run.</summary>
    /// <value>The default is a fixed id.</value>
    public SagaId SagaId { get; init; } = SagaId.Parse("01970000-0000-7000-8000-000000000001");

    /// <summary>The maximum duration of one run, including <see cref="Reset"/> and <see cref="State"/>.</summary>
    /// <value>Longer than zero. The default is 30 s.</value>
    /// <remarks>If a run exceeds the deadline, the check reports the names of the unfinished nodes and stops.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The value is zero or negative.</exception>
    public TimeSpan Deadline
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    }
    = TimeSpan.FromSeconds(30);

    /// <summary>The clock of <see cref="Deadline"/> and of the executor.</summary>
    /// <value>The default is <c>TimeProvider.System</c>.</value>
#pragma warning disable RS0030 // a default for tests, which have no container to resolve it from
    public TimeProvider Time { get; init; } = TimeProvider.System;
#pragma warning restore RS0030

    /// <summary>The services of <see cref="NodeContext{TParameters}.Services"/>. Each attempt of a step has a scope of its own.</summary>
    /// <value>The default is null: steps that use <see cref="NodeContext{TParameters}.Services"/> fail.</value>
    /// <remarks>If the class of <see cref="Saga"/> is registered there, each attempt runs the code of an instance from its scope.</remarks>
    public IServiceProvider? Services { get; init; }

    /// <summary>Opens a connection to the database in which transactional nodes work, for each run of one of them.</summary>
    /// <value>The default is null: the saga must not have transactional nodes.</value>
    public Func<CancellationToken, Task<DbConnection>>? OpenConnection { get; init; }

    /// <summary>The JSON options of the executor. Use the same as for <see cref="DurableExecutorOptions.Json"/> of the service.</summary>
    /// <value>The default is <see cref="JsonSerializerDefaults.Web"/>.</value>
    public JsonSerializerOptions Json { get; init; } = new(JsonSerializerDefaults.Web);

    /// <summary>Runs the check.</summary>
    /// <param name="cancellationToken">Cancels the check. Actions in flight are cancelled but not awaited.</param>
    /// <returns>The report; see <see cref="IdempotencyReport.ThrowIfFaulty"/>.</returns>
    /// <exception cref="InvalidOperationException">
    /// The definition of the saga is not valid, or it has transactional nodes and <see cref="OpenConnection"/> is not set.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <remarks>Exceptions of <see cref="Reset"/> and <see cref="State"/> propagate to the caller.</remarks>
    public async Task<IdempotencyReport> RunAsync(CancellationToken cancellationToken = default)
    {
        var runner = new TrialRunner<TParameters>(this);
        SagaDefinition definition = runner.Definition;
        if (definition.Shape.HasTransactionalNodes && OpenConnection is null)
        {
            throw new InvalidOperationException($"Saga {definition} has transactional nodes: set {nameof(OpenConnection)}.");
        }

        var script = new CheckScript(
            definition.Shape, node => definition.Policies[node].UndoAfterFailure, trial => runner.RunAsync(trial, cancellationToken));
        return await script.RunAsync(definition.ToString()).ConfigureAwait(false);
    }
}

using System.Text.Json;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>
/// Finds out whether a saga keeps the two promises that carrying it on after a crash rests on: its actions and undos may be run again,
/// and its undos take back all that its actions did. Runs the saga on the real executor with its log in memory, again and again: with
/// each action run twice, each node failing, each undo run twice. What the runs leave in the world is compared line by line; what
/// differs is reported with the name of the action or undo.
/// </summary>
/// <typeparam name="TParameters">What the saga is started with.</typeparam>
/// <remarks>
/// A saga of N nodes takes about 4 N + 2 runs, one after the other. Every run has the same saga id, so that idempotency keys are the
/// same. A node that is to fail does so once every node that does not come after it has succeeded, so that parallel branches do not
/// make for chance. An object may be used again, but not by two threads at once, since both would share one world.
/// </remarks>
public sealed record IdempotencyCheck<TParameters>
{
    /// <summary>The saga, from a container or made on the spot, with the real dependencies of its actions.</summary>
    public required Saga<TParameters> Saga { get; init; }

    /// <summary>What to start it with. With these it has to succeed when nothing is put in its way.</summary>
    public required TParameters Parameters { get; init; }

    /// <summary>
    /// Reads what actions and undos change in the world, as lines in any order: rows of the saga's own tables, for example, without
    /// times and serial numbers, which differ from run to run. Rows of others are best included: they must not be touched.
    /// </summary>
    public required Func<CancellationToken, Task<IEnumerable<string>>> State { get; init; }

    /// <summary>
    /// Brings the world back to where the saga may start, before each run: clears what runs left, and puts there what the saga needs.
    /// A node that waits for something outside finds it there if this has seen to it; see <see cref="SagaId"/>.
    /// </summary>
    public required Func<CancellationToken, Task> Reset { get; init; }

    /// <summary>The id that the saga has in every run. Default: one that is fixed.</summary>
    public SagaId SagaId { get; init; } = SagaId.Parse("01970000-0000-7000-8000-000000000001");

    /// <summary>
    /// How long one run may take, with <see cref="Reset"/> and <see cref="State"/>; what has not ended by then is reported by name, and
    /// the check ends. Default 30 s.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not more than zero.</exception>
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

    /// <summary>The clock of <see cref="Deadline"/>. Default: the system's.</summary>
#pragma warning disable RS0030 // a default for tests, which have no container to take it from
    public TimeProvider Time { get; init; } = TimeProvider.System;
#pragma warning restore RS0030

    /// <summary>As <see cref="DurableExecutorOptions.Json"/> of the service. Default <see cref="JsonSerializerDefaults.Web"/>.</summary>
    public JsonSerializerOptions Json { get; init; } = new(JsonSerializerDefaults.Web);

    /// <summary>Runs the check.</summary>
    /// <param name="cancellationToken">Gives up. Actions that are under way are told to stop, and not waited for.</param>
    /// <returns>What was found; see <see cref="IdempotencyReport.ThrowIfFaulty"/>.</returns>
    /// <exception cref="InvalidOperationException">The saga's definition is not valid.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    /// <remarks>What <see cref="Reset"/> and <see cref="State"/> throw is thrown here.</remarks>
    public async Task<IdempotencyReport> RunAsync(CancellationToken cancellationToken = default)
    {
        var runner = new TrialRunner<TParameters>(this);
        SagaDefinition definition = runner.Definition;
        var script = new CheckScript(definition.Shape, trial => runner.RunAsync(trial, cancellationToken));
        return await script.RunAsync(definition.ToString()).ConfigureAwait(false);
    }
}

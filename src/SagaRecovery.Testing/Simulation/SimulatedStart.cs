using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// A start of a saga in a simulated process, a step at a time: announced when it is made, then <see cref="InsertAsync"/>,
/// <see cref="Run"/>, <see cref="Created"/>. Disposed before that, it is withdrawn. Not thread-safe.
/// </summary>
public sealed class SimulatedStart : IDisposable
{
    private static readonly byte[] Dag = "{}"u8.ToArray();
    private static readonly SavedDefinition Definition = new(DefinitionHash.Of(Dag), "simulated", Version: 1, Dag);

    private readonly SagaStart _start;
    private readonly ISagaLog _log;
    private readonly Membership _member;
    private readonly ScriptedExecutor _executor;

    internal SimulatedStart(SagaStart start, ISagaLog log, Membership member, ScriptedExecutor executor)
    {
        _start = start;
        _log = log;
        _member = member;
        _executor = executor;
    }

    /// <summary>The saga being started.</summary>
    public SagaId SagaId => _start.SagaId;

    /// <summary>Inserts the row, past <see cref="SimulatedStep.Insert"/> and <see cref="SimulatedStep.InsertAnswer"/>.</summary>
    /// <returns>Whether it was inserted; false: there is a saga with this id.</returns>
    /// <exception cref="Fencing.CoordinatorFencedException">A newer process has joined.</exception>
    public Task<bool> InsertAsync(CancellationToken cancellationToken = default) =>
        _log.CreateAsync(_member, new NewSaga(SagaId, Definition, "{}"u8.ToArray()), cancellationToken);

    /// <summary>The executor begins to run the saga, unless it has been handed over to it meanwhile.</summary>
    public void Run() => _executor.Begin(SagaId, AdoptGeneration.Initial);

    /// <summary>Says that the row is committed and that this process runs the saga.</summary>
    public void Created() => _start.Created(AdoptGeneration.Initial);

    /// <summary>Withdraws the start unless it was <see cref="Created"/>.</summary>
    public void Dispose() => _start.Dispose();
}

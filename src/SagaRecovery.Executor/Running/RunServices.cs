using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <summary>The services of the executor to a run, besides the log.</summary>
/// <param name="StepStopTimeout">The time that the steps of a stopped run have to end.</param>
/// <param name="OnHang">Called once if they have not ended by then.</param>
/// <param name="Transactions">Runs the steps of transactional nodes.</param>
/// <param name="FindCancellation">Reads the request to cancel the saga of a run whose success was refused; null if that is not the reason.</param>
internal sealed record RunServices(
    TimeSpan StepStopTimeout, Action<SagaRun> OnHang, TransactionalSteps Transactions, Func<SagaRun, Task<SagaCancellation?>> FindCancellation);

namespace SagaRecovery.Executor.Running;

/// <summary>The limit on the end of a run that was told to stop.</summary>
/// <param name="StepStopTimeout">The time that its steps have to end.</param>
/// <param name="OnHang">Called once if they have not ended by then.</param>
internal sealed record RunLimits(TimeSpan StepStopTimeout, Action<SagaRun> OnHang);

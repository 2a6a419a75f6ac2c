using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Polly;
using Polly.Retry;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Running;

/// <summary>The pipelines of the nodes of one definition. Immutable and thread-safe.</summary>
internal sealed class StepPipelines(SagaDefinition definition, SteadyTimeProvider time)
{
    private readonly StepPipeline[] _actions = Build(definition.Policies.Select(policy => policy.Action), isUndo: false, time);
    private readonly StepPipeline[] _undos = Build(definition.Policies.Select(policy => policy.Undo), isUndo: true, time);

    /// <summary>The clock of the delays and time limits.</summary>
    public SteadyTimeProvider Time => time;

    public StepPipeline Of(StepInFlight step) => (step.IsUndo ? _undos : _actions)[step.Node];

    /// <summary>Builds one pipeline for each distinct policy: a DAG of thousands of nodes has few of them.</summary>
    private static StepPipeline[] Build(IEnumerable<StepPolicy> policies, bool isUndo, SteadyTimeProvider time)
    {
        Dictionary<StepPolicy, StepPipeline> built = [];
        return [.. policies.Select(policy => built.TryGetValue(policy, out StepPipeline? known) ? known : built[policy] = new StepPipeline(policy, isUndo, time))];
    }
}

/// <summary>The policy of one action or undo, ready to run its attempts. Immutable and thread-safe.</summary>
internal sealed class StepPipeline
{
    private static readonly ResiliencePropertyKey<Attempts> s_attempts = new("SagaRecovery.Attempts");

    private readonly ResiliencePipeline _pipeline;
    private readonly bool _firstRunsOutside; // the first attempt needs nothing of the pipeline
    private readonly Func<Exception, bool>? _shouldHandle; // null: no retries, or the pipeline decides

    public StepPipeline(StepPolicy policy, bool isUndo, SteadyTimeProvider time)
    {
        if (policy.Pipeline is { } pipeline)
        {
            _pipeline = pipeline;
            return;
        }

        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        if (policy.MaxRetryAttempts > 0)
        {
            _shouldHandle = policy.ShouldHandle ?? (isUndo ? static _ => true : TransientFailures.IsTransient);
            builder.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = policy.MaxRetryAttempts,
                Delay = policy.Delay,
                MaxDelay = policy.MaxDelay,
                BackoffType = policy.BackoffType,
                UseJitter = policy.UseJitter,
                ShouldHandle = args => ValueTask.FromResult(
                    args.Outcome.Exception is { } exception
                    && args.Context.Properties.TryGetValue(s_attempts, out Attempts attempts)
                    && !attempts.Runner.IsHeld
                    && MayRetry(attempts.Runner, attempts.Step, exception)),
                OnRetry = args =>
                {
                    if (args.Context.Properties.TryGetValue(s_attempts, out Attempts attempts))
                    {
                        attempts.Runner.OnRetry(attempts.Step, args.Outcome.Exception!, time.Now + args.RetryDelay, args.RetryDelay);
                    }

                    return default;
                },
            });
        }

        if (policy.Timeout is { } timeout)
        {
            builder.AddTimeout(timeout);
        }

        _pipeline = builder.Build();
        _firstRunsOutside = policy.Timeout is null;
    }

    /// <summary>Returns true if the policy allows an attempt after this failure, unless their number is exhausted.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The predicate is user code. Its exception is logged; that of the step decides.")]
    public bool MayRetry(NodeRunner runner, StepInFlight step, Exception failure)
    {
        try
        {
            return failure is not (SagaActionException or SagaDataException or InjectedFailureException) && _shouldHandle?.Invoke(failure) == true;
        }
        catch (Exception exception)
        {
            runner.OnPredicateFailed(step, exception);
            return false;
        }
    }

    /// <summary>Returns true if no code can run for a step that has ended. Code that a pipeline no longer waits for, such as a hedged attempt, may.</summary>
    public bool HasLeft(StepInFlight step) => _firstRunsOutside && step.Attempt <= 1;

    /// <summary>Runs the attempts of a step until one succeeds or its failure is not to be retried.</summary>
    /// <returns>The output of the step.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // called once per step of every saga, as the other methods that have it
    public async ValueTask<ReadOnlyMemory<byte>> RunAsync(NodeRunner runner, StepInFlight step, CancellationToken cancellationToken)
    {
        if (_firstRunsOutside)
        {
            try
            {
                return await runner.AttemptAsync(step, cancellationToken).ConfigureAwait(false); // nearly always enough, and without the pipeline
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && !runner.IsHeld && MayRetry(runner, step, e))
            {
                step.FirstFailure = ExceptionDispatchInfo.Capture(e);
            }
        }

        ResilienceContext context = ResilienceContextPool.Shared.Get(cancellationToken);
        var attempts = new Attempts(runner, step);
        context.Properties.Set(s_attempts, attempts);
        try
        {
            ReadOnlyMemory<byte> output = await _pipeline.ExecuteAsync(AttemptAsync, context, attempts).ConfigureAwait(false);
            return step.DataError is null ? output : throw step.DataError;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> AttemptAsync(ResilienceContext context, Attempts attempts)
    {
        (NodeRunner runner, StepInFlight step) = attempts;
        if (step.FirstFailure is { } failure)
        {
            step.FirstFailure = null;
            failure.Throw();
        }

        try
        {
            return await runner.AttemptAsync(step, context.CancellationToken).ConfigureAwait(false);
        }
        catch (SagaDataException e)
        {
            step.DataError = e;
            return default;
        }
    }

    private readonly record struct Attempts(NodeRunner Runner, StepInFlight Step);
}

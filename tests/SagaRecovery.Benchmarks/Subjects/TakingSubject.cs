using System.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// Takes from a coordinator repeatedly, beside writers that append as fast as they can. A try begins once every writer writes: those that
/// the previous try has fenced continue with the ownership that resulted from it.
/// </summary>
internal abstract class TakingSubject : Subject
{
    /// <param name="task">The task of the subject.</param>
    /// <param name="meter">Measures the tries.</param>
    /// <param name="log">The log of the process that writes.</param>
    /// <param name="sagas">The sagas of the writes.</param>
    /// <param name="ownership">The initial ownership of the writers.</param>
    /// <param name="take">Takes once, and returns the ownership with which the writers may continue. It alone is measured.</param>
    protected static async Task RepeatAsync(
        SubjectTask task, Meter meter, ISagaLog log, IReadOnlyList<Guid> sagas, Ownership ownership, Func<Task<Ownership>> take)
    {
        await using SaturatedWriters writers =
            await SaturatedWriters.StartAsync(log, WriterEntries.Divide(sagas, task.Writers!.Value, task.RowsEach), ownership);
        await TakeAsync(Math.Max(1, task.Repeats / 10)); // compiles

        meter.Begin();
        meter.EndRepeated(rows: 0, await TakeAsync(task.Repeats));

        async Task<IReadOnlyList<double>> TakeAsync(int tries)
        {
            var seconds = new double[tries];
            for (int i = 0; i < tries; i++)
            {
                long began = Stopwatch.GetTimestamp();
                Ownership taken = await take();
                seconds[i] = Stopwatch.GetElapsedTime(began).TotalSeconds;
                await writers.ContinueAsync(taken);
            }

            return seconds;
        }
    }
}

using System.Collections;
using System.Globalization;

namespace SagaRecovery.Executor.Running;

/// <summary>The logging scope around the code of a step.</summary>
internal sealed class StepScope(SagaId sagaId, string sagaName, string node, bool isUndo, int attempt) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => 5;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("SagaId", sagaId),
        1 => new("SagaName", sagaName),
        2 => new("SagaNode", node),
        3 => new("SagaStep", isUndo ? "undo" : "action"),
        4 => new("SagaAttempt", attempt),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (int index = 0; index < Count; index++)
        {
            yield return this[index];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Returns the text that loggers without structure print: <c>saga ID (name), node (action), attempt 1</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"saga {sagaId} ({sagaName}), {node} ({(isUndo ? "undo" : "action")}), attempt {attempt}");
}

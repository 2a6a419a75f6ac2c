using System.Text.Json;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Results;

/// <summary>The result of a saga that any process may have run, from its row and its log.</summary>
internal static class StoredResult
{
    private static readonly SagaShape s_unknown = new([]);

    /// <summary>Returns the result of a saga that has ended; null for one in progress.</summary>
    public static SagaResult? Of(SavedSaga saga, JsonSerializerOptions json)
    {
        SagaShape shape = SagaShape.TryRead(saga.Definition.Dag) ?? s_unknown;
        return saga.State switch
        {
            SagaState.Succeeded => new SagaResult.Succeeded(OutputsOf(saga, shape, json)),
            SagaState.Unwound => UnwoundBy(saga, shape),
            SagaState.Stuck => StuckAt(saga, shape),
            SagaState.Abandoned => new SagaResult.Abandoned(saga.Abandonment?.Reason ?? "", saga.Abandonment?.Comment ?? ""),
            _ => null,
        };
    }

    private static NodeOutputs OutputsOf(SavedSaga saga, SagaShape shape, JsonSerializerOptions json)
    {
        var outputs = saga.Events.Where(one => one.Type == NodeEventType.Succeeded).ToDictionary(one => one.NodeId, one => one.Data);
        return new NodeOutputs(shape, outputs.GetValueOrDefault, json) { HasFailed = _ => false };
    }

    private static SagaResult UnwoundBy(SavedSaga saga, SagaShape shape)
    {
        if (saga.Cancellation is { } cancellation)
        {
            return new SagaResult.Cancelled(cancellation.Note.Actor, cancellation.Note.Reason);
        }

        (string node, SagaError error) = First(saga, NodeEventType.Failed, shape);
        return new SagaResult.Unwound(node, error);
    }

    private static SagaResult.Stuck StuckAt(SavedSaga saga, SagaShape shape)
    {
        (string stuckNode, SagaError undoError) = First(saga, NodeEventType.UndoFailed, shape);
        if (saga.Cancellation is { } cancellation)
        {
            return new SagaResult.Stuck(stuckNode, undoError, FailedNode: null, SagaErrors.OfCancellation(cancellation.Note));
        }

        (string failedNode, SagaError error) = First(saga, NodeEventType.Failed, shape);
        return new SagaResult.Stuck(stuckNode, undoError, failedNode, error);
    }

    /// <summary>Returns the node with the lowest id that has an event of a type, and the error; an error that the database has lost, if there is none.</summary>
    private static (string Node, SagaError Error) First(SavedSaga saga, NodeEventType type, SagaShape shape)
    {
        IEnumerable<SavedNodeEvent> events = saga.Events.Where(one => one.Type == type);
        return events.Any() && events.MinBy(one => one.NodeId) is var (node, _, data)
            ? (node < shape.Count ? shape.NameOf(node) : $"node {node}", SagaErrors.Read(data))
            : ("unknown", SagaErrors.Read(default));
    }
}

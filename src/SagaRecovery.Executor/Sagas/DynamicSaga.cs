using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery;

/// <summary>A saga definition whose DAG depends on the parameters: one node for each disk, for instance.</summary>
/// <typeparam name="TParameters">The type of the saga's parameters, which are stored as JSON.</typeparam>
/// <remarks>
/// <para>
/// Each distinct DAG is stored once. When a saga is resumed, its nodes are declared again from the stored parameters. If they differ from the
/// stored DAG, the binary does not know the definition: the saga stays as it is until a binary with the former code, or an operator, handles it.
/// </para>
/// <para>
/// <see cref="Define(SagaBuilder{TParameters}, TParameters)"/> runs for each saga, on many threads at once. Keep the nodes in local variables, which
/// actions and undos capture. The result of the saga gives the outputs by the names of the nodes.
/// </para>
/// <para>The remarks on <see cref="Saga{TParameters}"/> about lifetime and idempotency apply.</para>
/// </remarks>
/// <example>
/// <code>
/// public sealed class CreateVm(DiskService disks, VmService vms) : DynamicSaga&lt;VmRequest&gt;
/// {
///     public override string Name => "create-vm";
///
///     protected override void Define(SagaBuilder&lt;VmRequest&gt; saga, VmRequest request)
///     {
///         SagaNode&lt;Guid&gt;[] created =
///         [
///             .. request.Disks.Select(disk => saga.Node(
///                 $"disk-{disk.Name}",
///                 action: node => disks.CreateAsync(disk.Size, node.IdempotencyKey, node.CancellationToken),
///                 undo: (node, id) => disks.DeleteAsync(id, node.CancellationToken))),
///         ];
///         saga.Node("start", action: node => vms.StartAsync(created.Select(node.Output), node.IdempotencyKey), after: created);
///     }
/// }
/// </code>
/// </example>
[SuppressMessage("ApiDesign", "RS0022", Justification = "The base class has no protected members that deriving could expose.")]
public abstract class DynamicSaga<TParameters> : Saga<TParameters>
{
    /// <summary>Declares the nodes of one saga. Called when a saga starts or resumes, and on each instance of a saga that is registered as scoped.</summary>
    /// <param name="saga">The builder of the definition.</param>
    /// <param name="parameters">The parameters of the saga, deserialized from the store; as a subsaga, those that the containing saga passes.</param>
    /// <remarks>
    /// It must declare the same nodes whenever it is called with the same parameters. It must not depend on the clock, on configuration, or on the
    /// order of a set or dictionary. A start calls it twice and refuses a saga whose nodes differ.
    /// </remarks>
    protected internal abstract void Define(SagaBuilder<TParameters> saga, TParameters parameters);

    /// <summary>Not called for a saga whose nodes depend on the parameters.</summary>
    /// <param name="saga">The builder of the definition.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected internal sealed override void Define(SagaBuilder<TParameters> saga) => throw new NotSupportedException();

    internal sealed override bool IsDynamic => true;

    private protected sealed override void DeclareOn(SagaBuilder<TParameters> builder, TParameters parameters) => Define(builder, parameters);
}

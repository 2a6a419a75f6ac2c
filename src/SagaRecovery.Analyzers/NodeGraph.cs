using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>The nodes that the code of one type declares, and the outputs that its actions and undos read. Thread-safe.</summary>
internal sealed class NodeGraph
{
    private readonly ConcurrentBag<DeclaredNode> _nodes = [];
    private readonly ConcurrentBag<IInvocationOperation> _reads = [];
    private readonly ConcurrentDictionary<ISymbol, ConcurrentBag<IOperation>> _assigned = new(SymbolEqualityComparer.Default);

    /// <summary>The variable of this code that an expression names: a local, or a field or property of this instance or of the type.</summary>
    public static ISymbol? VariableOf(IOperation expression) => expression.WithoutConversions() switch
    {
        ILocalReferenceOperation local => local.Local,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } field => field.Field,
        IPropertyReferenceOperation { Instance: null or IInstanceReferenceOperation } property => property.Property,
        _ => null,
    };

    public void AddNode(IInvocationOperation call) => _nodes.Add(DeclaredNode.Of(call));

    public void AddRead(IInvocationOperation call) => _reads.Add(call);

    public void AddAssignments(IEnumerable<ISymbol> variables, IOperation value, INamedTypeSymbol node)
    {
        if (value.Type.IsOrDerivesFrom(node))
        {
            foreach (ISymbol variable in variables)
            {
                AddAssignment(variable, value);
            }
        }
    }

    public void AddAssignment(ISymbol variable, IOperation value)
    {
        if (value.WithoutConversions() is not (ILiteralOperation { ConstantValue.Value: null } or IDefaultValueOperation)) // = null!
        {
            _assigned.GetOrAdd(variable, _ => []).Add(value);
        }
    }

    public IEnumerable<Diagnostic> FindReadsOutOfOrder()
    {
        if (_nodes.IsEmpty || _reads.IsEmpty)
        {
            return [];
        }

        var byCall = _nodes.ToDictionary(node => node.Call.Syntax);
        ILookup<IMethodSymbol, DeclaredNode> byFunction = _nodes
            .SelectMany(node => node.Functions.Select(function => (Function: function, Node: node)))
            .ToLookup(pair => pair.Function, pair => pair.Node, (IEqualityComparer<IMethodSymbol>)SymbolEqualityComparer.Default);
        return _reads.Select(read => Check(read, byCall, byFunction)).OfType<Diagnostic>();
    }

    private Diagnostic? Check(
        IInvocationOperation read, Dictionary<SyntaxNode, DeclaredNode> byCall, ILookup<IMethodSymbol, DeclaredNode> byFunction)
    {
        if (read.Arguments.Length != 1
            || NodeOf(read.Arguments[0].Value, byCall) is not { } source
            || read.Instance is not IParameterReferenceOperation { Parameter.ContainingSymbol: IMethodSymbol function })
        {
            return null;
        }

        // Nodes may share a function that reads only for some of them: one node that may read clears the function.
        DeclaredNode[] readers = [.. byFunction[function]];
        if (readers.Length == 0 || readers.Any(reader => reader == source || MayComeAfter(reader, source, byCall)))
        {
            return null;
        }

        DeclaredNode first = readers.OrderBy(reader => reader.Call.Syntax.SpanStart).First();
        bool canFix = readers.Length == 1 && source.Call.Syntax.Span.End <= first.Call.Syntax.SpanStart; // a node names only earlier ones
        return Diagnostic.Create(
            Rules.OutputOrder,
            read.Syntax.GetLocation(),
            canFix ? [first.Call.Syntax.GetLocation()] : [],
            first.Name,
            source.Name);
    }

    /// <summary>Returns true if a node may come after another. What is not known counts as possible.</summary>
    private bool MayComeAfter(DeclaredNode node, DeclaredNode before, Dictionary<SyntaxNode, DeclaredNode> byCall)
    {
        HashSet<DeclaredNode> seen = [];
        Stack<DeclaredNode> open = new([node]);
        while (open.Count > 0)
        {
            DeclaredNode each = open.Pop();
            if (each.After is null)
            {
                return true;
            }

            foreach (IOperation expression in each.After)
            {
                DeclaredNode? parent = NodeOf(expression, byCall);
                if (parent is null || parent == before)
                {
                    return true;
                }

                if (seen.Add(parent))
                {
                    open.Push(parent);
                }
            }
        }

        return false;
    }

    /// <summary>The one node that an expression can only be, or null if it is not known.</summary>
    private DeclaredNode? NodeOf(IOperation expression, Dictionary<SyntaxNode, DeclaredNode> byCall)
    {
        IOperation value = expression.WithoutConversions();
        if (VariableOf(value) is { } variable)
        {
            if (!_assigned.TryGetValue(variable, out ConcurrentBag<IOperation>? values) || values.Count != 1)
            {
                return null;
            }

            value = values.First().WithoutConversions();
        }

        return byCall.TryGetValue(value.Syntax, out DeclaredNode? node) ? node : null;
    }
}

/// <summary>A call of <c>SagaBuilder.Node</c>.</summary>
internal sealed class DeclaredNode
{
    private DeclaredNode(IInvocationOperation call, string name, IMethodSymbol[] functions, IOperation[]? after)
    {
        Call = call;
        Name = name;
        Functions = functions;
        After = after;
    }

    public IInvocationOperation Call { get; }

    /// <summary>The name of the node, or the code that makes it.</summary>
    public string Name { get; }

    /// <summary>The action and the undo, where they are lambdas or methods.</summary>
    public IMethodSymbol[] Functions { get; }

    /// <summary>Returns the elements of <c>after</c>, or null if they are not known.</summary>
    public IOperation[]? After { get; }

    public static DeclaredNode Of(IInvocationOperation call)
    {
        var arguments = call.Arguments.Where(argument => argument.Parameter is not null).ToDictionary(argument => argument.Parameter!.Name);
        IMethodSymbol?[] functions =
        [
            arguments.TryGetValue(KnownTypes.ActionParameter, out IArgumentOperation? action) ? action.Value.DelegateTarget() : null,
            arguments.TryGetValue(KnownTypes.UndoParameter, out IArgumentOperation? undo) ? undo.Value.DelegateTarget() : null,
        ];
        return new DeclaredNode(
            call,
            NameOf(call),
            [.. functions.OfType<IMethodSymbol>()],
            arguments.TryGetValue(KnownTypes.AfterParameter, out IArgumentOperation? after) ? Elements(after.Value) : null);
    }

    private static string NameOf(IInvocationOperation call)
    {
        IOperation? name = call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;
        return name?.ConstantValue is { HasValue: true, Value: string text } ? text : name?.Syntax.ToString() ?? "";
    }

    private static IOperation[]? Elements(IOperation after)
    {
        IEnumerable<IOperation>? elements = after.WithoutConversions() switch
        {
            ICollectionExpressionOperation collection => collection.Elements,
            IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues,
            IArrayCreationOperation { DimensionSizes.Length: 1 } empty when empty.DimensionSizes[0].ConstantValue.Value is 0 => [],
            _ => null,
        };
        return elements is null || elements.Any(element => element.WithoutConversions() is ISpreadOperation) ? null : [.. elements];
    }
}

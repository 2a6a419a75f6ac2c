using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>The members of one saga class that its runs change. Thread-safe.</summary>
internal sealed class InstanceState(INamedTypeSymbol type, SagaTypes types)
{
    /// <summary>Methods of the known collections that change them. What is not here is taken for a read.</summary>
    private static readonly HashSet<string> s_mutators =
    [
        "Add", "AddRange", "AddFirst", "AddLast", "AddAfter", "AddBefore", "AddOrUpdate", "Append", "AppendFormat", "AppendJoin", "AppendLine",
        "Clear", "Dequeue", "Enqueue", "EnqueueRange", "EnqueueDequeue", "ExceptWith", "GetOrAdd", "Insert", "InsertRange", "IntersectWith", "Move",
        "Pop", "Push", "PushRange", "Remove", "RemoveAll", "RemoveAt", "RemoveFirst", "RemoveLast", "RemoveRange", "RemoveWhere", "Replace",
        "Reverse", "Sort", "SymmetricExceptWith", "TryAdd", "TryDequeue", "TryPop", "TryPopRange", "TryRemove", "TryTake", "TryUpdate", "UnionWith",
    ];

    private readonly ConcurrentDictionary<ISymbol, ConcurrentBag<Change>> _changes = new(SymbolEqualityComparer.Default);
    private readonly bool _isDynamic = type.IsOrDerivesFrom(types.DynamicSaga); // each run declares nodes of its own
    private readonly ConcurrentDictionary<ISymbol, bool> _given = new(SymbolEqualityComparer.Default);

    public void Add(IOperation operation, ISymbol by)
    {
        switch (operation)
        {
            case IFieldInitializerOperation initializer when IsGiven(initializer.Value):
                _given.TryAdd(initializer.InitializedFields[0], true);
                break;
            case IPropertyInitializerOperation initializer when IsGiven(initializer.Value):
                _given.TryAdd(initializer.InitializedProperties[0], true);
                break;
            case IDeconstructionAssignmentOperation { Target: ITupleOperation target }:
                foreach (IOperation element in target.Elements)
                {
                    AddWrite(element, by);
                }

                break;
            case IDeconstructionAssignmentOperation:
                break;
            case IAssignmentOperation assignment:
                AddWrite(assignment.Target, by);
                if (IsConstructor(by) && IsGiven(assignment.Value) && MemberOf(assignment.Target) is { } member)
                {
                    _given.TryAdd(member, true);
                }

                break;
            case IIncrementOrDecrementOperation step:
                AddWrite(step.Target, by);
                break;
            case IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } argument:
                AddWrite(argument.Value, by);
                break;
            case IInvocationOperation { Instance: { } instance } call when s_mutators.Contains(call.TargetMethod.Name):
                AddChangeOfContent(instance, call, by);
                break;
        }
    }

    public IEnumerable<Diagnostic> Diagnostics() =>
        from changes in _changes
        let first = changes.Value
            .Where(change => !(change.IsOfContent && _given.ContainsKey(changes.Key)))
            .OrderBy(change => change.Where.SourceTree?.FilePath, StringComparer.Ordinal)
            .ThenBy(change => change.Where.SourceSpan.Start)
            .FirstOrDefault()
        where first is not null
        select Diagnostic.Create(Rules.KeepsState, changes.Key.Locations[0], [first.Where], changes.Key.Name, first.By);

    private void AddWrite(IOperation target, ISymbol by)
    {
        switch (target)
        {
            case IArrayElementReferenceOperation element:
                AddChangeOfContent(element.ArrayReference, element, by);
                break;
            case IPropertyReferenceOperation { Arguments.Length: > 0, Instance: { } collection } indexed:
                AddChangeOfContent(collection, indexed, by);
                break;
            default:
                AddChange(MemberOf(target), target, by, isOfContent: false);
                break;
        }
    }

    /// <summary>Adds a change of what a member refers to, unless the member was given to the constructor: then it belongs to others.</summary>
    private void AddChangeOfContent(IOperation collection, IOperation change, ISymbol by)
    {
        ISymbol? member = MemberOf(collection);
        if (member is not IParameterSymbol && (collection.Type is IArrayTypeSymbol || types.Collections.Any(known => collection.Type.Is(known))))
        {
            AddChange(member, change, by, isOfContent: true);
        }
    }

    private void AddChange(ISymbol? member, IOperation change, ISymbol by, bool isOfContent)
    {
        if (member is not null && !IsConstructor(by) && (_isDynamic || (!HoldsNodes(TypeOf(member)) && !IsDefinition(change, by))))
        {
            _changes.GetOrAdd(member, _ => []).Add(new Change(change.Syntax.GetLocation(), by.Name, isOfContent));
        }
    }

    /// <summary>The member of this class that holds what an expression names, or null if another object holds it.</summary>
    private ISymbol? MemberOf(IOperation expression) => expression.WithoutConversions() switch
    {
        IFieldReferenceOperation { Instance: IInstanceReferenceOperation, Field: var field } => IsOwn(field) ? field : null,
        IPropertyReferenceOperation { Instance: IInstanceReferenceOperation, Property: var property } =>
            IsOwn(property) && IsAuto(property) ? property : null,
        IParameterReferenceOperation { Parameter: { ContainingSymbol: IMethodSymbol { MethodKind: MethodKind.Constructor } } parameter } => parameter,
        IMemberReferenceOperation { Instance: { Type.IsValueType: true } holder } => MemberOf(holder), // a part of a struct
        _ => null,
    };

    private bool IsOwn(ISymbol member) => SymbolEqualityComparer.Default.Equals(member.ContainingType, type);

    private bool IsAuto(IPropertySymbol property) =>
        type.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property));

    private static ITypeSymbol? TypeOf(ISymbol member) => member switch
    {
        IFieldSymbol field => field.Type,
        IPropertySymbol property => property.Type,
        IParameterSymbol parameter => parameter.Type,
        _ => null,
    };

    /// <summary>Nodes are part of the definition, which is the same for all runs.</summary>
    private bool HoldsNodes(ITypeSymbol? held) => held switch
    {
        IArrayTypeSymbol array => HoldsNodes(array.ElementType),
        INamedTypeSymbol named => named.IsOrDerivesFrom(types.Node) || named.TypeArguments.Any(HoldsNodes),
        _ => false,
    };

    /// <summary>Returns true if code runs while the nodes are declared: a builder is in reach, and no context of a node is nearer.</summary>
    private bool IsDefinition(IOperation operation, ISymbol by)
    {
        for (IOperation? around = operation.Parent; around is not null; around = around.Parent)
        {
            if (NodeScope.FunctionOf(around) is { } function)
            {
                if (HasParameter(function, types.NodeContext))
                {
                    return false;
                }

                if (HasParameter(function, types.Builder))
                {
                    return true;
                }
            }
        }

        return by is IMethodSymbol method && HasParameter(method, types.Builder);
    }

    private static bool HasParameter(IMethodSymbol function, INamedTypeSymbol definition) =>
        function.Parameters.Any(parameter => parameter.Type.Is(definition));

    private static bool IsConstructor(ISymbol by) => by is IMethodSymbol { MethodKind: MethodKind.Constructor };

    private static bool IsGiven(IOperation value) => value.WithoutConversions() is IParameterReferenceOperation;

    /// <summary>A change of a member, or of the content of the collection that it refers to.</summary>
    private sealed class Change(Location where, string by, bool isOfContent)
    {
        public Location Where { get; } = where;

        public string By { get; } = by;

        public bool IsOfContent { get; } = isOfContent;
    }
}

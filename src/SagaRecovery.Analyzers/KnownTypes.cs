using Microsoft.CodeAnalysis;

namespace SagaRecovery.Analyzers;

/// <summary>
/// The names of every type and member that the rules look for, and the types as a compilation has them. A rule does nothing in a
/// compilation that lacks one of its types.
/// </summary>
internal static class KnownTypes
{
    public const string SagaBase = "SagaRecovery.Saga";
    public const string Saga = "SagaRecovery.Saga`1";
    public const string DynamicSaga = "SagaRecovery.DynamicSaga`1";
    public const string SagaBuilder = "SagaRecovery.SagaBuilder`1";
    public const string NodeContext = "SagaRecovery.NodeContext`1";
    public const string SagaNode = "SagaRecovery.SagaNode";
    public const string SagaStarts = "SagaRecovery.Execution.SagaStarts";
    public const string SagaStart = "SagaRecovery.Execution.SagaStart";
    public const string SagaLog = "SagaRecovery.Storage.ISagaLog";

    public const string Registrations = "Microsoft.Extensions.DependencyInjection.DurableExecutorExtensions";

    public const string FormerMethod = "AddFormerSaga";
    public const string NameProperty = "Name";
    public const string VersionProperty = "Version";
    public const string DefineMethod = "Define";
    public const string NodeMethod = "Node";
    public const string TransactionalNodeMethod = "TransactionalNode";
    public const string ActionParameter = "action";
    public const string UndoParameter = "undo";
    public const string AfterParameter = "after";
    public const string OutputMethod = "Output";
    public const string TokenProperty = "CancellationToken";
    public const string KeyProperty = "IdempotencyKey";
    public const string AnnounceMethod = "Announce";
    public const string CreateMethod = "CreateAsync";

    /// <summary>The version of a saga that does not override it.</summary>
    public const int DefaultVersion = 1;

    public const string Transaction = "System.Data.Common.DbTransaction";
    public const string Token = "System.Threading.CancellationToken";
    public const string TokenSource = "System.Threading.CancellationTokenSource";
    public const string Expression = "System.Linq.Expressions.Expression";
    public const string Logger = "Microsoft.Extensions.Logging.ILogger";
    public const string LoggerMessageAttribute = "Microsoft.Extensions.Logging.LoggerMessageAttribute";
    public const string Random = "System.Random";
    public const string RandomNumberGenerator = "System.Security.Cryptography.RandomNumberGenerator";
    public const string Guid = "System.Guid";
    public const string DateTimeOffset = "System.DateTimeOffset";
    public const string TimeSpan = "System.TimeSpan";
    public const string TaskOf = "System.Threading.Tasks.Task`1";
    public const string Task = "System.Threading.Tasks.Task";
    public const string ValueTaskOf = "System.Threading.Tasks.ValueTask`1";
    public const string ValueTask = "System.Threading.Tasks.ValueTask";

    /// <summary>Collections whose content an action can change, and text that it can build up.</summary>
    public static readonly string[] MutableCollections =
    [
        "System.Collections.Generic.List`1",
        "System.Collections.Generic.Dictionary`2",
        "System.Collections.Generic.HashSet`1",
        "System.Collections.Generic.SortedDictionary`2",
        "System.Collections.Generic.SortedList`2",
        "System.Collections.Generic.SortedSet`1",
        "System.Collections.Generic.LinkedList`1",
        "System.Collections.Generic.Queue`1",
        "System.Collections.Generic.Stack`1",
        "System.Collections.Generic.PriorityQueue`2",
        "System.Collections.Generic.IList`1",
        "System.Collections.Generic.ICollection`1",
        "System.Collections.Generic.ISet`1",
        "System.Collections.Generic.IDictionary`2",
        "System.Collections.ObjectModel.Collection`1",
        "System.Collections.ObjectModel.ObservableCollection`1",
        "System.Collections.Concurrent.ConcurrentDictionary`2",
        "System.Collections.Concurrent.ConcurrentBag`1",
        "System.Collections.Concurrent.ConcurrentQueue`1",
        "System.Collections.Concurrent.ConcurrentStack`1",
        "System.Text.StringBuilder",
    ];

    /// <summary>Returns true if a type is a construction of a generic definition, or the definition itself.</summary>
    public static bool Is(this ITypeSymbol? type, INamedTypeSymbol? definition) =>
        type is not null && definition is not null && SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, definition);

    /// <summary>Returns true if a type is, derives from or implements another, with any type arguments.</summary>
    public static bool IsOrDerivesFrom(this ITypeSymbol? type, INamedTypeSymbol? definition)
    {
        for (ITypeSymbol? ancestor = type; ancestor is not null; ancestor = ancestor.BaseType)
        {
            if (ancestor.Is(definition))
            {
                return true;
            }
        }

        return type is not null && definition is { TypeKind: TypeKind.Interface } && type.AllInterfaces.Any(each => each.Is(definition));
    }

    /// <summary>Returns true if a method is the one of this name that a type declares.</summary>
    public static bool IsMethodOf(this IMethodSymbol method, INamedTypeSymbol definition, string name) =>
        method.Name == name && method.ContainingType.Is(definition);
}

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>The types that SAGA002 looks for.</summary>
internal sealed class ValueTypes(Compilation compilation)
{
    private readonly INamedTypeSymbol? _dateTimeOffset = compilation.GetTypeByMetadataName(KnownTypes.DateTimeOffset);
    private readonly INamedTypeSymbol? _timeSpan = compilation.GetTypeByMetadataName(KnownTypes.TimeSpan);
    private readonly INamedTypeSymbol? _random = compilation.GetTypeByMetadataName(KnownTypes.Random);
    private readonly INamedTypeSymbol? _generator = compilation.GetTypeByMetadataName(KnownTypes.RandomNumberGenerator);
    private readonly INamedTypeSymbol? _logger = compilation.GetTypeByMetadataName(KnownTypes.Logger);
    private readonly INamedTypeSymbol? _loggerMessage = compilation.GetTypeByMetadataName(KnownTypes.LoggerMessageAttribute);
    private readonly INamedTypeSymbol? _task = compilation.GetTypeByMetadataName(KnownTypes.Task);
    private readonly INamedTypeSymbol? _taskOf = compilation.GetTypeByMetadataName(KnownTypes.TaskOf);
    private readonly INamedTypeSymbol? _valueTask = compilation.GetTypeByMetadataName(KnownTypes.ValueTask);
    private readonly INamedTypeSymbol? _valueTaskOf = compilation.GetTypeByMetadataName(KnownTypes.ValueTaskOf);

    public INamedTypeSymbol? Guid { get; } = compilation.GetTypeByMetadataName(KnownTypes.Guid);

    /// <summary>Returns true if an expression gives another value each time it runs.</summary>
    public bool IsUnstable(IOperation operation) => operation switch
    {
        IInvocationOperation { TargetMethod: { IsStatic: true, Name: "NewGuid" or "CreateVersion7" } method } => method.ContainingType.Is(Guid),
        IPropertyReferenceOperation { Property: { IsStatic: true, Name: "Now" or "UtcNow" or "Today" } property } => IsTime(property.ContainingType),
        IInvocationOperation { Instance: { } instance, TargetMethod.Name: var name } call =>
            call.TargetMethod.ContainingType.Is(_random) && name.StartsWith("Next", StringComparison.Ordinal) && IsUnseeded(instance),
        IInvocationOperation { TargetMethod: { IsStatic: true } method } => method.Name is "Fill" or "GetBytes"
            or "GetInt32" or "GetHexString" or "GetString" or "GetItems" && method.ContainingType.Is(_generator),
        _ => false,
    };

    public bool IsTime(ITypeSymbol? type) => type?.SpecialType == SpecialType.System_DateTime || type.Is(_dateTimeOffset);

    /// <summary>Returns true if a type is a length of time or a decision. Such a value may come from an unstable one, but it identifies nothing.</summary>
    public bool NamesNothing(ITypeSymbol? type) =>
        type is null or { SpecialType: SpecialType.System_Boolean or SpecialType.System_Void } or { TypeKind: TypeKind.Enum } || type.Is(_timeSpan);

    /// <summary>Returns true if a call only informs people: logs, traces, the console.</summary>
    public bool OnlyTells(IInvocationOperation call)
    {
        IMethodSymbol method = call.TargetMethod;
        string space = method.ContainingNamespace?.ToDisplayString() ?? "";
        return IsIn(space, "Microsoft.Extensions.Logging") || IsIn(space, "System.Diagnostics") || IsIn(space, "Serilog")
            || method.ContainingType.ToDisplayString() == "System.Console"
            || method.GetAttributes().Any(attribute => attribute.AttributeClass.Is(_loggerMessage))
            || call.Instance?.Type.IsOrDerivesFrom(_logger) == true;
    }

    /// <summary>Returns true if a call waits, measures, or names a file. An unstable value is harmless there.</summary>
    public static bool IsHarmless(IInvocationOperation call)
    {
        string space = call.TargetMethod.ContainingNamespace?.ToDisplayString() ?? "";
        return IsIn(space, "System.Threading") || IsIn(space, "System.IO");
    }

    /// <summary>Returns true if a call only wraps its argument in a task, or converts a task.</summary>
    public bool Wraps(IInvocationOperation call) =>
        call.TargetMethod.Name is "FromResult" or "ConfigureAwait" or "AsTask" && IsTask(call.TargetMethod.ContainingType);

    public bool IsTask(ITypeSymbol? type) => type.Is(_task) || type.Is(_taskOf) || type.Is(_valueTask) || type.Is(_valueTaskOf);

    /// <summary>Returns the type of a call's result once it is awaited, or null if it has none.</summary>
    public ITypeSymbol? ResultOf(ITypeSymbol? type) =>
        !IsTask(type) ? type : ((INamedTypeSymbol)type!).TypeArguments.FirstOrDefault();

    private static bool IsIn(string space, string root) =>
        space.StartsWith(root, StringComparison.Ordinal) && (space.Length == root.Length || space[root.Length] == '.');

    /// <summary>Returns true if a generator is <c>Random.Shared</c> or <c>new Random()</c>. A seed may come from the saga.</summary>
    private bool IsUnseeded(IOperation generator) => generator.WithoutConversions() switch
    {
        IPropertyReferenceOperation { Property: { IsStatic: true, Name: "Shared" } property } => property.ContainingType.Is(_random),
        IObjectCreationOperation { Arguments.Length: 0 } => true,
        ILocalReferenceOperation local => local.Topmost().Descendants().OfType<IVariableDeclaratorOperation>().Any(declarator =>
            SymbolEqualityComparer.Default.Equals(declarator.Symbol, local.Local)
            && declarator.Initializer is { } initializer
            && initializer.Value.WithoutConversions() is not ILocalReferenceOperation
            && IsUnseeded(initializer.Value)),
        _ => false,
    };
}

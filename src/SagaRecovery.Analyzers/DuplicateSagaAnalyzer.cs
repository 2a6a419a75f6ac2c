using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA006: finds saga classes of one compilation that share a name and a version, where both are constants. A class that the compilation
/// registers as a former shape may share those of another.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class DuplicateSagaAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.DuplicateSaga];

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (start.Compilation.GetTypeByMetadataName(KnownTypes.SagaBase) is not { } saga)
            {
                return;
            }

            ConcurrentBag<INamedTypeSymbol> sagas = [];
            ConcurrentDictionary<ISymbol, object?> values = new(SymbolEqualityComparer.Default);
            ConcurrentDictionary<ISymbol, bool> formers = new(SymbolEqualityComparer.Default);
            INamedTypeSymbol? registrations = start.Compilation.GetTypeByMetadataName(KnownTypes.Registrations);
            start.RegisterSymbolAction(symbol => AddSaga((INamedTypeSymbol)symbol.Symbol, saga, sagas), SymbolKind.NamedType);
            start.RegisterOperationBlockAction(block => AddValue(block, saga, values));
            start.RegisterOperationAction(call => AddFormer((IInvocationOperation)call.Operation, registrations, formers), OperationKind.Invocation);
            start.RegisterCompilationEndAction(end => Report(end, [.. sagas.Where(type => !formers.ContainsKey(type))], values));
        });
    }

    private static void AddSaga(INamedTypeSymbol type, INamedTypeSymbol saga, ConcurrentBag<INamedTypeSymbol> sagas)
    {
        if (type is { TypeKind: TypeKind.Class, IsAbstract: false } && type.IsOrDerivesFrom(saga))
        {
            sagas.Add(type);
        }
    }

    private static void AddFormer(IInvocationOperation call, INamedTypeSymbol? registrations, ConcurrentDictionary<ISymbol, bool> formers)
    {
        if (registrations is not null && call.TargetMethod.IsMethodOf(registrations, KnownTypes.FormerMethod) && call.TargetMethod.TypeArguments.Length == 1)
        {
            formers.TryAdd(call.TargetMethod.TypeArguments[0], true);
        }
    }

    /// <summary>Records the constant that a name or version is, or null if it is not a constant.</summary>
    private static void AddValue(OperationBlockAnalysisContext context, INamedTypeSymbol saga, ConcurrentDictionary<ISymbol, object?> values)
    {
        IPropertySymbol? property = context.OwningSymbol switch
        {
            IMethodSymbol { MethodKind: MethodKind.PropertyGet, AssociatedSymbol: IPropertySymbol getter } => getter,
            IPropertySymbol initialized => initialized,
            _ => null,
        };
        if (property is { Name: KnownTypes.NameProperty or KnownTypes.VersionProperty, IsOverride: true }
            && property.ContainingType.IsOrDerivesFrom(saga))
        {
            IOperation[] results = [.. context.OperationBlocks.SelectMany(block => block.DescendantsAndSelf()).Select(ResultOf).OfType<IOperation>()];
            values[property] = results.Length == 1 && results[0].ConstantValue.HasValue ? results[0].ConstantValue.Value : null;
        }
    }

    private static IOperation? ResultOf(IOperation operation) => operation switch
    {
        IReturnOperation { ReturnedValue: { } value } => value,
        IPropertyInitializerOperation initializer => initializer.Value,
        _ => null,
    };

    private static void Report(
        CompilationAnalysisContext context, IReadOnlyList<INamedTypeSymbol> sagas, ConcurrentDictionary<ISymbol, object?> values)
    {
        var groups = sagas
            .Select(type => (Type: type, Name: ValueOf(type, KnownTypes.NameProperty, values) as string, Version: VersionOf(type, values)))
            .Where(saga => saga.Name is not null && saga.Version is not null)
            .OrderBy(saga => saga.Type.Locations[0].SourceTree?.FilePath, StringComparer.Ordinal)
            .ThenBy(saga => saga.Type.Locations[0].SourceSpan.Start)
            .GroupBy(saga => (saga.Name, saga.Version));
        foreach (var group in groups)
        {
            INamedTypeSymbol first = group.First().Type;
            foreach (var saga in group.Skip(1))
            {
                context.ReportDiagnostic(Diagnostic.Create(
                    Rules.DuplicateSaga, saga.Type.Locations[0], first.Locations, saga.Name, saga.Version, first.ToDisplayString()));
            }
        }
    }

    private static int? VersionOf(INamedTypeSymbol type, ConcurrentDictionary<ISymbol, object?> values) =>
        PropertyOf(type, KnownTypes.VersionProperty) is { IsOverride: false } // of the library's own class
            ? KnownTypes.DefaultVersion
            : ValueOf(type, KnownTypes.VersionProperty, values) as int?;

    private static object? ValueOf(INamedTypeSymbol type, string name, ConcurrentDictionary<ISymbol, object?> values) =>
        PropertyOf(type, name)?.OriginalDefinition is { } property && values.TryGetValue(property, out object? value) ? value : null;

    /// <summary>The property as the most derived class has it.</summary>
    private static IPropertySymbol? PropertyOf(INamedTypeSymbol type, string name)
    {
        for (INamedTypeSymbol? each = type; each is not null; each = each.BaseType)
        {
            if (each.GetMembers(name).OfType<IPropertySymbol>().FirstOrDefault() is { } property)
            {
                return property;
            }
        }

        return null;
    }
}

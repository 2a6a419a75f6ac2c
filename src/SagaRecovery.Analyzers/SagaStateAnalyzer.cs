using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA001: finds fields, settable auto-properties and primary constructor parameters of saga classes that code other than the
/// construction and the definition changes. The definition of a dynamic saga belongs to one run, and must not change them either.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SagaStateAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.KeepsState];

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (SagaTypes.Of(start.Compilation) is { } types)
            {
                start.RegisterSymbolStartAction(type => AnalyzeType(type, types), SymbolKind.NamedType);
            }
        });
    }

    private static void AnalyzeType(SymbolStartAnalysisContext start, SagaTypes types)
    {
        var type = (INamedTypeSymbol)start.Symbol;
        if (type.TypeKind != TypeKind.Class || !type.IsOrDerivesFrom(types.Saga))
        {
            return;
        }

        var state = new InstanceState(type, types);
        start.RegisterOperationAction(
            context =>
            {
                if (SymbolEqualityComparer.Default.Equals(context.ContainingSymbol.ContainingType, type))
                {
                    state.Add(context.Operation, context.ContainingSymbol);
                }
            },
            OperationKind.SimpleAssignment,
            OperationKind.CompoundAssignment,
            OperationKind.CoalesceAssignment,
            OperationKind.DeconstructionAssignment,
            OperationKind.Increment,
            OperationKind.Decrement,
            OperationKind.Argument,
            OperationKind.Invocation,
            OperationKind.FieldInitializer,
            OperationKind.PropertyInitializer);
        start.RegisterSymbolEndAction(end =>
        {
            foreach (Diagnostic diagnostic in state.Diagnostics())
            {
                end.ReportDiagnostic(diagnostic);
            }
        });
    }
}

/// <summary>The types that SAGA001 looks for.</summary>
internal sealed class SagaTypes
{
    private SagaTypes(INamedTypeSymbol saga, INamedTypeSymbol builder, INamedTypeSymbol nodeContext, INamedTypeSymbol node, Compilation compilation)
    {
        Saga = saga;
        Builder = builder;
        NodeContext = nodeContext;
        Node = node;
        DynamicSaga = compilation.GetTypeByMetadataName(KnownTypes.DynamicSaga);
        Collections = [.. KnownTypes.MutableCollections.Select(compilation.GetTypeByMetadataName).OfType<INamedTypeSymbol>()];
    }

    public INamedTypeSymbol Saga { get; }

    /// <summary>Null in a compilation with an older version of the library.</summary>
    public INamedTypeSymbol? DynamicSaga { get; }

    public INamedTypeSymbol Builder { get; }

    public INamedTypeSymbol NodeContext { get; }

    public INamedTypeSymbol Node { get; }

    public INamedTypeSymbol[] Collections { get; }

    /// <returns>Null if the library is not referenced.</returns>
    public static SagaTypes? Of(Compilation compilation) =>
        compilation.GetTypeByMetadataName(KnownTypes.Saga) is { } saga
        && compilation.GetTypeByMetadataName(KnownTypes.SagaBuilder) is { } builder
        && compilation.GetTypeByMetadataName(KnownTypes.NodeContext) is { } nodeContext
        && compilation.GetTypeByMetadataName(KnownTypes.SagaNode) is { } node
            ? new SagaTypes(saga, builder, nodeContext, node, compilation)
            : null;
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA004: finds actions and undos that read the output of a node which theirs does not come after. Reports only what is certain: a node
/// whose predecessors are not all known by name is left alone.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class OutputOrderAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.OutputOrder];

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            Compilation compilation = start.Compilation;
            if (compilation.GetTypeByMetadataName(KnownTypes.SagaBuilder) is { } builder
                && compilation.GetTypeByMetadataName(KnownTypes.NodeContext) is { } nodeContext
                && compilation.GetTypeByMetadataName(KnownTypes.SagaNode) is { } node)
            {
                start.RegisterSymbolStartAction(type => AnalyzeType(type, builder, nodeContext, node), SymbolKind.NamedType);
            }
        });
    }

    private static void AnalyzeType(SymbolStartAnalysisContext start, INamedTypeSymbol builder, INamedTypeSymbol nodeContext, INamedTypeSymbol node)
    {
        ISymbol type = start.Symbol;
        var graph = new NodeGraph();
        start.RegisterOperationAction(
            context =>
            {
                if (!SymbolEqualityComparer.Default.Equals(context.ContainingSymbol.ContainingType, type))
                {
                    return; // code of a nested type, which has its own graph
                }

                switch (context.Operation)
                {
                    case IInvocationOperation call when call.TargetMethod.IsMethodOf(builder, KnownTypes.NodeMethod)
                        || call.TargetMethod.IsMethodOf(builder, KnownTypes.TransactionalNodeMethod):
                        graph.AddNode(call);
                        break;
                    case IInvocationOperation call when call.TargetMethod.IsMethodOf(nodeContext, KnownTypes.OutputMethod):
                        graph.AddRead(call);
                        break;
                    case IVariableDeclaratorOperation { Initializer: { } initializer } declarator when declarator.Symbol.Type.IsOrDerivesFrom(node):
                        graph.AddAssignment(declarator.Symbol, initializer.Value);
                        break;
                    case IFieldInitializerOperation initializer:
                        graph.AddAssignments(initializer.InitializedFields, initializer.Value, node);
                        break;
                    case IPropertyInitializerOperation initializer:
                        graph.AddAssignments(initializer.InitializedProperties, initializer.Value, node);
                        break;
                    case IDeconstructionAssignmentOperation { Target: ITupleOperation target } assignment:
                        foreach (ISymbol symbol in target.Elements.Select(NodeGraph.VariableOf).OfType<ISymbol>())
                        {
                            graph.AddAssignment(symbol, assignment);
                        }

                        break;
                    case IAssignmentOperation assignment when assignment.Target.Type.IsOrDerivesFrom(node):
                        if (NodeGraph.VariableOf(assignment.Target) is { } variable)
                        {
                            graph.AddAssignment(variable, assignment is ISimpleAssignmentOperation ? assignment.Value : assignment);
                        }

                        break;
                }
            },
            OperationKind.Invocation,
            OperationKind.VariableDeclarator,
            OperationKind.FieldInitializer,
            OperationKind.PropertyInitializer,
            OperationKind.SimpleAssignment,
            OperationKind.CoalesceAssignment,
            OperationKind.DeconstructionAssignment);
        start.RegisterSymbolEndAction(end =>
        {
            foreach (Diagnostic diagnostic in graph.FindReadsOutOfOrder())
            {
                end.ReportDiagnostic(diagnostic);
            }
        });
    }
}

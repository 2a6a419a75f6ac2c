using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA002: finds new ids, times and random numbers that an action or undo passes to a call and does not return. <see cref="ValueFlow"/>
/// says what counts as that. Code of transactional nodes is exempt: its transaction is committed once.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UnstableValueAnalyzer : DiagnosticAnalyzer
{
    /// <summary>Set where the idempotency key can stand for the value.</summary>
    internal const string ContextName = nameof(ContextName);

    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.UnstableValue];

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            Compilation compilation = start.Compilation;
            if (compilation.GetTypeByMetadataName(KnownTypes.NodeContext) is { } nodeContext
                && compilation.GetTypeByMetadataName(KnownTypes.Token) is { } token)
            {
                var types = new ValueTypes(compilation);
                INamedTypeSymbol? transaction = compilation.GetTypeByMetadataName(KnownTypes.Transaction);
                start.RegisterOperationAction(
                    operation => Analyze(operation, nodeContext, transaction, token, types), OperationKind.Invocation, OperationKind.PropertyReference);
            }
        });
    }

    private static void Analyze(
        OperationAnalysisContext context, INamedTypeSymbol nodeContext, INamedTypeSymbol? transaction, INamedTypeSymbol token, ValueTypes types)
    {
        IOperation source = context.Operation;
        if (!types.IsUnstable(source)
            || NodeScope.Of(source, context.ContainingSymbol, nodeContext, token) is not { } scope
            || scope.HasParameter(transaction))
        {
            return;
        }

        var flow = new ValueFlow(scope.Root, types, source.Type);
        flow.FollowSource(source);
        if (flow.FirstUse is { } use && !flow.IsReturned)
        {
            ImmutableDictionary<string, string?> properties = source.Type.Is(types.Guid)
                ? ImmutableDictionary<string, string?>.Empty.Add(ContextName, scope.Context.Name)
                : ImmutableDictionary<string, string?>.Empty;
            context.ReportDiagnostic(Diagnostic.Create(
                Rules.UnstableValue,
                source.Syntax.GetLocation(),
                scope.Context.Locations,
                properties,
                source.Syntax.ToString(),
                use.TargetMethod.Name));
        }
    }
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA002: finds new ids, times and random numbers that an action or undo passes to a call and does not return. <see cref="ValueFlow"/>
/// says what counts as that.
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
                start.RegisterOperationAction(
                    operation => Analyze(operation, nodeContext, token, types), OperationKind.Invocation, OperationKind.PropertyReference);
            }
        });
    }

    private static void Analyze(OperationAnalysisContext context, INamedTypeSymbol nodeContext, INamedTypeSymbol token, ValueTypes types)
    {
        IOperation source = context.Operation;
        if (!types.IsUnstable(source) || NodeScope.Of(source, context.ContainingSymbol, nodeContext, token) is not { } scope)
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

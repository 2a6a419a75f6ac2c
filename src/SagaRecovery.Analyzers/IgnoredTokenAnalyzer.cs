using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA003: finds calls in actions and undos that could receive the node's cancellation token and do not. The platform's CA2016 does not
/// find them: it looks for a token among the parameters of the function, and an action has its token in its context.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class IgnoredTokenAnalyzer : DiagnosticAnalyzer
{
    /// <summary>The name of the token's parameter, where the argument needs it.</summary>
    internal const string ArgumentName = nameof(ArgumentName);

    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.IgnoredToken];

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
                INamedTypeSymbol? source = compilation.GetTypeByMetadataName(KnownTypes.TokenSource);
                INamedTypeSymbol? expression = compilation.GetTypeByMetadataName(KnownTypes.Expression);
                start.RegisterOperationAction(call => Analyze(call, nodeContext, token, source, expression), OperationKind.Invocation);
            }
        });
    }

    private static void Analyze(
        OperationAnalysisContext context,
        INamedTypeSymbol nodeContext,
        INamedTypeSymbol token,
        INamedTypeSymbol? source,
        INamedTypeSymbol? expression)
    {
        var call = (IInvocationOperation)context.Operation;
        if (NodeScope.Of(call, context.ContainingSymbol, nodeContext, token) is not { HasOwnToken: false } scope
            || call.Syntax is not InvocationExpressionSyntax syntax
            || IsCleanUp(call, scope.Root)
            || IsInExpressionTree(call, expression)
            || (call.Instance is { } instance && Carries(instance))
            || call.Arguments.Any(argument => argument.ArgumentKind != ArgumentKind.DefaultValue && Carries(argument.Value)))
        {
            return;
        }

        if (TokenParameter.Find(call, token, context.ContainingSymbol.ContainingType, context.Compilation) is not { } parameter)
        {
            return;
        }

        ImmutableDictionary<string, string?> properties = ImmutableDictionary<string, string?>.Empty;
        if (NeedsName(call, syntax, parameter))
        {
            properties = properties.Add(ArgumentName, parameter.Name);
        }

        context.ReportDiagnostic(Diagnostic.Create(
            Rules.IgnoredToken, NameOf(syntax).GetLocation(), scope.Context.Locations, properties, call.TargetMethod.Name, scope.Context.Name));

        bool Carries(IOperation value) => value switch
        {
            IAwaitOperation => false, // received its own token, and passes nothing on
            IParameterReferenceOperation reference when reference.Type.Is(nodeContext) => reference.Parent is IArgumentOperation, // as a whole
            _ when value.Type.Is(token) || value.Type.Is(source) => true,
            _ => value.ChildOperations.Any(child => child is not IArgumentOperation { ArgumentKind: ArgumentKind.DefaultValue } && Carries(child)),
        };
    }

    /// <summary>Returns true if the call is in a catch or finally. Cleanup must often run after the token was canceled.</summary>
    private static bool IsCleanUp(IOperation call, IOperation root)
    {
        for (IOperation each = call; each != root && each.Parent is { } parent; each = parent)
        {
            if (parent is ICatchClauseOperation || (parent is ITryOperation attempt && attempt.Finally == each))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsInExpressionTree(IOperation call, INamedTypeSymbol? expression)
    {
        for (IOperation? each = call.Parent; each is not null; each = each.Parent)
        {
            if (each is IAnonymousFunctionOperation && each.Parent?.Type.IsOrDerivesFrom(expression) == true)
            {
                return true;
            }
        }

        return false;
    }

    private static bool NeedsName(IInvocationOperation call, InvocationExpressionSyntax syntax, IParameterSymbol parameter)
    {
        int written = syntax.ArgumentList.Arguments.Count;
        int explicitly = call.Arguments.Count(argument => argument.ArgumentKind == ArgumentKind.Explicit);
        int receiver = explicitly > written ? 1 : 0; // of an extension method
        return written + receiver != parameter.Ordinal || syntax.ArgumentList.Arguments.Any(argument => argument.NameColon is not null);
    }

    /// <summary>Returns the syntax that names the method in a call.</summary>
    private static ExpressionSyntax NameOf(InvocationExpressionSyntax syntax) => syntax.Expression switch
    {
        MemberAccessExpressionSyntax member => member.Name,
        MemberBindingExpressionSyntax binding => binding.Name,
        _ => syntax.Expression,
    };
}

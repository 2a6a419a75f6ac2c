using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SagaRecovery.Analyzers.CodeFixes;

/// <summary>Edits of argument lists that leave line breaks and comments as they are.</summary>
internal static class ArgumentLists
{
    /// <summary>Adds an argument at the end.</summary>
    public static ArgumentListSyntax Append(this ArgumentListSyntax list, ArgumentSyntax argument)
    {
        if (list.Arguments.Count == 0)
        {
            return list.AddArguments(argument);
        }

        return list.WithArguments(SyntaxFactory.SeparatedList<ArgumentSyntax>(
            list.Arguments.GetWithSeparators()
                .Add(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space))
                .Add(argument)));
    }
}
